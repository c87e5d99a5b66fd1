/**
 * WebSockets on Bun. The types are structural, so this file loads on every runtime.
 *
 * @module
 */
import type { Handshake } from "../server/handshake/handshake.ts";
import type { Data } from "../wire/bytes.ts";
import type {
  GroupDomain,
  Socket,
  SocketEvents,
  SocketGroups,
} from "../seams/socket.ts";

/** The members used of `Bun.serve`'s server. */
export interface BunServerLike {
  /** Upgrades a request; `open` runs before it returns. */
  upgrade(
    request: Request,
    options: { data: unknown; headers: Record<string, string> },
  ): boolean;
  /** Publishes to the subscribers of a topic. */
  publish(topic: string, data: string | Uint8Array, compress?: boolean): number;
  /** Returns the peer's address. */
  requestIP?(request: Request): { address: string } | null;
}

/** The members used of Bun's `ServerWebSocket`. */
export interface BunSocketLike {
  /** The data passed to `upgrade`. */
  data: unknown;
  /** Sends one message. */
  send(data: string | Uint8Array, compress?: boolean): number;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Subscribes the socket to a topic. */
  subscribe(topic: string): void;
  /** Unsubscribes the socket. */
  unsubscribe(topic: string): void;
  /** Returns how many bytes are waiting. */
  getBufferedAmount(): number;
}

/** The `websocket` member of `Bun.serve` and `export default`. */
export interface BunWebSocketHandler {
  /** The seconds of silence until Bun closes; it pings four seconds before. */
  readonly idleTimeout: number;
  /** The largest message that Bun accepts. */
  readonly maxPayloadLength: number;
  /** 0: Bun's own limit is off, since it drops messages without reporting. */
  readonly backpressureLimit: number;
  /** Whether Bun pings. */
  readonly sendPings: boolean;
  /** A socket opened. */
  open(ws: BunSocketLike): void;
  /** A message arrived. */
  message(ws: BunSocketLike, message: string | Uint8Array): void;
  /** Waiting bytes were written. */
  drain(ws: BunSocketLike): void;
  /** The peer answered a ping. */
  pong(ws: BunSocketLike): void;
  /** A socket closed. */
  close(ws: BunSocketLike, code: number, reason: string): void;
}

type Upgrade = Extract<Handshake, { kind: "upgrade" }>;

/** Marks a socket's `data`. `Symbol.for`, since an app may have two copies of this package. */
const OURS = Symbol.for("super-line.socket");

/** Tells whether this package created a socket. */
export function isOurs(ws: { readonly data: unknown }): boolean {
  return typeof ws.data === "object" && ws.data !== null && OURS in ws.data;
}

/** Finds Bun's server in the second argument of a fetch handler: the server, or Hono's `env` that contains it. */
export function bunServerIn(platform: unknown): BunServerLike | undefined {
  const candidates = [
    platform,
    (platform as { server?: unknown } | undefined)?.server,
  ]; // any value except null and undefined has members
  return candidates.find((candidate): candidate is BunServerLike =>
    typeof (candidate as Partial<BunServerLike> | undefined)?.upgrade ===
      "function"
  );
}

/** Creates the upgrade function for Bun. */
export function createBunUpgrade(): (
  request: Request,
  server: BunServerLike,
  handshake: Upgrade,
) => Response {
  const domains = new WeakMap<BunServerLike, GroupDomain>();
  return (request, server, handshake) => {
    let domain = domains.get(server);
    if (!domain) domains.set(server, domain = createDomain(server));
    const data = new BunSocket(handshake, domain);
    // Only the original request can be upgraded. The subprotocol must be set, or Bun echoes the first offered one.
    const headers = { "sec-websocket-protocol": handshake.protocol };
    if (server.upgrade(request, { data, headers })) return new Response(null);
    handshake.abandon();
    const message =
      "This request cannot be upgraded: it is not the original one, or its client has gone\n";
    return new Response(message, { status: 400 });
  };
}

/** Creates the handlers for Bun. They work for the sockets of every server of this package. */
export function createBunHandler(
  maxMessageBytes: number,
  heartbeatTimeoutMs: number,
): BunWebSocketHandler {
  return {
    // After the node's own check, which closes with 4408: for peers that never answer a close frame. Bun accepts at
    // most 960.
    idleTimeout: Math.min(960, Math.ceil(heartbeatTimeoutMs / 1_000) + 20),
    maxPayloadLength: maxMessageBytes,
    backpressureLimit: 0,
    sendPings: true,
    open: (ws) => socketOf(ws).opened(ws),
    message: (ws, message) => socketOf(ws).events?.message(message),
    drain: (ws) => socketOf(ws).events?.drained(),
    pong: (ws) => socketOf(ws).events?.alive(),
    close: (ws, code, reason) => socketOf(ws).events?.closed(code, reason),
  };
}

function createDomain(server: BunServerLike): GroupDomain {
  // `publish` returns the message's length if nothing is waiting, -1 if bytes are waiting, 0 if a reader lost it.
  return { publish: (group, data) => server.publish(group, data, false) > 0 };
}

function socketOf(ws: BunSocketLike): BunSocket {
  return ws.data as BunSocket; // `upgrade` set it; perhaps another copy of this package, so no private members are used
}

/** The class of `ws.data`: one object for each connection, to save memory. */
class BunSocket implements Socket, SocketGroups {
  readonly domain: GroupDomain;
  events: SocketEvents | undefined;
  #ws: BunSocketLike | undefined;
  /** Set until the socket is open, since it references the request. */
  #handshake: Upgrade | undefined;

  constructor(handshake: Upgrade, domain: GroupDomain) {
    this.#handshake = handshake;
    this.domain = domain;
  }

  get [OURS](): true {
    return true;
  }

  opened(ws: BunSocketLike): void {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    this.#ws = ws;
    this.events = handshake?.open(this);
  }

  get groups(): SocketGroups {
    return this;
  }

  send(data: Data): void {
    this.#ws?.send(data);
  }

  close(code: number, reason: string): void {
    this.#ws?.close(code, reason);
  }

  buffered(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  join(group: string): void {
    this.#ws?.subscribe(group);
  }

  leave(group: string): void {
    this.#ws?.unsubscribe(group);
  }
}
