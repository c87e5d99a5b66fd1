/**
 * How Bun accepts a WebSocket. Typed by structure: this file loads on every runtime.
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

/** What is used of `Bun.serve`'s server. */
export interface BunServerLike {
  /** Turns a request into a WebSocket; `open` runs before it returns. */
  upgrade(
    request: Request,
    options: { data: unknown; headers: Record<string, string> },
  ): boolean;
  /** Sends to the subscribers of a topic. */
  publish(topic: string, data: string | Uint8Array, compress?: boolean): number;
  /** The peer's address. */
  requestIP?(request: Request): { address: string } | null;
}

/** What is used of Bun's `ServerWebSocket`. */
export interface BunSocketLike {
  /** What `upgrade` was given. */
  data: unknown;
  /** Sends one message. */
  send(data: string | Uint8Array, compress?: boolean): number;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Makes it a subscriber of a topic. */
  subscribe(topic: string): void;
  /** Ends that. */
  unsubscribe(topic: string): void;
  /** How many bytes wait. */
  getBufferedAmount(): number;
}

/** The `websocket` member that `Bun.serve` and `export default` take. */
export interface BunWebSocketHandler {
  /** Seconds of silence until Bun closes; it pings four seconds before. */
  readonly idleTimeout: number;
  /** The largest message that Bun takes. */
  readonly maxPayloadLength: number;
  /** 0: no limit of Bun's own, since it drops without telling. */
  readonly backpressureLimit: number;
  /** Whether Bun pings. */
  readonly sendPings: boolean;
  /** A socket is open. */
  open(ws: BunSocketLike): void;
  /** A message came. */
  message(ws: BunSocketLike, message: string | Uint8Array): void;
  /** Bytes that waited were written. */
  drain(ws: BunSocketLike): void;
  /** The peer answered a ping. */
  pong(ws: BunSocketLike): void;
  /** A socket is closed. */
  close(ws: BunSocketLike, code: number, reason: string): void;
}

type Upgrade = Extract<Handshake, { kind: "upgrade" }>;

/** Marks a socket's `data` as ours; `Symbol.for`, since an app may hold two copies of this package. */
const OURS = Symbol.for("super-line.socket");

/** Tells whether a socket is one of this package's. */
export function isOurs(ws: { readonly data: unknown }): boolean {
  return typeof ws.data === "object" && ws.data !== null && OURS in ws.data;
}

/** Finds Bun's server in what a fetch handler was given: the server, or Hono's `env` that holds it. */
export function bunServerIn(platform: unknown): BunServerLike | undefined {
  const candidates = [
    platform,
    (platform as { server?: unknown } | undefined)?.server,
  ]; // any value may be asked for a member but null
  return candidates.find((candidate): candidate is BunServerLike =>
    typeof (candidate as Partial<BunServerLike> | undefined)?.upgrade ===
      "function"
  );
}

/** Makes the function that upgrades on Bun. */
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
    // Only the original request upgrades; the subprotocol has to be chosen, or Bun echoes the first that was offered.
    const headers = { "sec-websocket-protocol": handshake.protocol };
    if (server.upgrade(request, { data, headers })) return new Response(null);
    handshake.abandon();
    const message =
      "This request cannot be upgraded: it is not the original one, or its client has gone\n";
    return new Response(message, { status: 400 });
  };
}

/** The handlers for Bun. They work for the sockets of every server of this package. */
export function createBunHandler(
  maxMessageBytes: number,
  heartbeatTimeoutMs: number,
): BunWebSocketHandler {
  return {
    // After the node's own sweep, which closes with 4408: for peers that never answer a close. Bun takes at most 960.
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
  // publish returns the message's length when nobody waits, -1 when bytes wait at somebody, 0 when a reader lost it.
  return { publish: (group, data) => server.publish(group, data, false) > 0 };
}

function socketOf(ws: BunSocketLike): BunSocket {
  return ws.data as BunSocket; // upgrade put it there; perhaps another copy's, so nothing private is used
}

/** What `ws.data` is: one object a connection, since there may be very many. */
class BunSocket implements Socket, SocketGroups {
  readonly domain: GroupDomain;
  events: SocketEvents | undefined;
  #ws: BunSocketLike | undefined;
  /** Until it is open, since it holds on to the request. */
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
