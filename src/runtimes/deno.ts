/**
 * WebSockets on Deno. The types are structural, so this file loads on every runtime.
 *
 * Deno stops its whole listener if a handler throws, or returns another response, after it called `upgradeWebSocket`
 * (ext/http, measured with 2.9). So the upgrade is the last thing done before `return`.
 *
 * @module
 */
import type { Handshake } from "../server/handshake/handshake.ts";
import type { Data } from "../wire/bytes.ts";
import type { Socket, SocketEvents } from "../seams/socket.ts";
import { Deadlines } from "../server/fanout/deadlines.ts";
import { createPoll, type Poll } from "./poll.ts";

/** The members used of Deno's server-side `WebSocket`. */
export interface DenoSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 1 while the socket is open. */
  readonly readyState: number;
  /** How many bytes are waiting. */
  readonly bufferedAmount: number;
  /** The socket opened. */
  onopen: (() => void) | null;
  /** A message arrived. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** The socket failed; `close` follows. */
  onerror: ((event: never) => void) | null;
  /** The socket closed; may be called twice. */
  onclose:
    | ((event: { readonly code: number; readonly reason: string }) => void)
    | null;
  /** Sends one message. Throws unless the socket is open. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The members used of the global `Deno`. */
export interface DenoLike {
  /** Upgrades a request. */
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { readonly socket: DenoSocketLike; readonly response: Response };
  /** The key of Deno's internals. */
  readonly internal?: symbol;
}

/** The members used of Deno's internals. Each may be missing in another version. */
interface DenoCoreLike {
  readonly core?: { tryClose?(rid: number): void };
}

/** Returns the global `Deno`, if this is Deno. */
export function denoGlobal(): DenoLike | undefined {
  const { Deno } = globalThis as { Deno?: Partial<DenoLike> }; // may be absent; checked on the next line
  return typeof Deno?.upgradeWebSocket === "function"
    ? Deno as DenoLike
    : undefined;
}

/** Reads the peer's address from the second argument of `Deno.serve`'s handler. */
export function denoAddressIn(info: unknown): string | undefined {
  const address = (info as { remoteAddr?: { hostname?: unknown } } | undefined)
    ?.remoteAddr?.hostname; // any value except null and undefined has members
  return typeof address === "string" ? address : undefined;
}

/** Copies the readable parts of an upgrade request: after the upgrade, Deno's own throws "Request closed" (2.9). */
export function copyOf(request: Request): Request {
  try {
    return new Request(request.url, { headers: request.headers });
  } catch {
    return request; // its target is not a URL, so it is refused
  }
}

/** Upgrades requests on Deno. */
export interface DenoUpgrade {
  /** Whether a socket can be cut if its peer does not answer the close frame. Deno has no public way (2.9). */
  readonly canTerminate: boolean;
  /**
   * Whether refusals are better answered by HTTP: many sockets do not open, and Deno never frees the descriptor of one
   * whose peer has reset the connection (2.9).
   */
  readonly losesSockets: boolean;
  /** Upgrades a request, as the last thing before returning. */
  upgrade(
    request: Request,
    handshake: Extract<Handshake, { kind: "upgrade" }>,
  ): Response;
}

/** Creates the upgrade function for Deno. */
export function createDenoUpgrade(deno: DenoLike): DenoUpgrade {
  const poll = createPoll();
  const cutter = new Cutter(deno);
  const unopened = new UnopenedSockets();
  return {
    get canTerminate() {
      return cutter.works;
    },
    get losesSockets() {
      return unopened.areMany;
    },
    upgrade(request, handshake) {
      let upgraded: ReturnType<DenoLike["upgradeWebSocket"]>;
      try {
        // Deno's own idle timeout is off: the node checks heartbeats, in the same way on every runtime.
        upgraded = deno.upgradeWebSocket(request, { idleTimeout: 0 });
        // Its option `protocol` is not found in a list without spaces, which `ws` sends: "a,b" (measured with 2.9).
        upgraded.response.headers.set(
          "sec-websocket-protocol",
          handshake.protocol,
        );
      } catch {
        handshake.abandon();
        const message =
          "This request cannot be upgraded: it is not the original one, or its client has gone\n";
        return new Response(message, { status: 400 });
      }
      attach(upgraded.socket, handshake, poll, cutter, unopened);
      return upgraded.response;
    },
  };
}

/**
 * Cuts sockets. After `close()` Deno waits for the peer's close frame forever, and has no `terminate` (2.9.6). So this
 * closes the resource of the socket, which only Deno's own code is meant to access. If any part of it is missing,
 * `works` is false and nothing is touched.
 */
class Cutter {
  works: boolean;
  readonly #core: DenoCoreLike["core"];

  constructor(deno: DenoLike) {
    const own = deno as unknown as Record<symbol, DenoCoreLike | undefined>; // each member is checked
    this.#core = deno.internal && own[deno.internal]?.core;
    this.works = typeof this.#core?.tryClose === "function";
  }

  /** Finds out from an open socket whether it can be cut. */
  learn(ws: DenoSocketLike): void {
    if (this.works) this.works = resourceOf(ws) !== undefined;
  }

  cut(ws: DenoSocketLike): void {
    const resource = resourceOf(ws);
    if (resource !== undefined) this.#core?.tryClose?.(resource);
  }
}

/** How long a socket takes to open at most, unless its peer is gone, in milliseconds. */
const OPEN_MS = 200;
/** How many sockets may be opening at once. */
const MOST_OPENING = 200;
/** How many sockets may fail to open within `LOST_MS`. */
const MOST_LOST = 50;
/** One minute, in milliseconds. */
const LOST_MS = 60_000;

/** The sockets that are not open yet, and how many never opened lately. */
class UnopenedSockets {
  readonly #opening = new Deadlines<DenoSocketLike>(
    OPEN_MS,
    () => this.#lose(),
  );
  #lost = 0;
  #lostSince = -Infinity;

  get areMany(): boolean {
    return this.#opening.size > MOST_OPENING ||
      this.#lost > MOST_LOST && performance.now() - this.#lostSince < LOST_MS;
  }

  add(ws: DenoSocketLike): void {
    this.#opening.add(ws);
  }

  delete(ws: DenoSocketLike): void {
    this.#opening.delete(ws);
  }

  #lose(): void {
    const now = performance.now();
    if (now - this.#lostSince >= LOST_MS) {
      this.#lost = 0;
      this.#lostSince = now;
    }
    this.#lost++;
  }
}

/** Returns the id of a socket's resource, which is stored under a symbol of Deno. */
function resourceOf(ws: DenoSocketLike): number | undefined {
  const key = Object.getOwnPropertySymbols(ws).find(({ description }) =>
    description === "[[rid]]"
  );
  const resource = key && (ws as unknown as Record<symbol, unknown>)[key]; // it has the symbol
  return typeof resource === "number" ? resource : undefined;
}

function attach(
  ws: DenoSocketLike,
  handshake: Extract<Handshake, { kind: "upgrade" }>,
  poll: Poll,
  cutter: Cutter,
  unopened: UnopenedSockets,
): void {
  let events: SocketEvents | undefined;
  let waiting: typeof handshake | undefined = handshake; // set until the socket is open, since it references the request
  const socket = new DenoSocket(ws, poll, cutter);
  ws.binaryType = "arraybuffer";
  unopened.add(ws);
  ws.onopen = () => {
    unopened.delete(ws);
    cutter.learn(ws);
    events = waiting?.open(socket);
    socket.events = events;
    waiting = undefined;
  };
  ws.onmessage = ({ data }) =>
    events?.message(
      typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer), // because of `binaryType`
    );
  ws.onerror = () => {}; // `close` follows; without a listener Deno prints the error
  ws.onclose = ({ code, reason }) => {
    poll.forget(socket);
    unopened.delete(ws);
    waiting?.abandon();
    events?.closed(code === 0 ? 1006 : code, reason); // 0: the peer disconnected without a close frame
  };
}

class DenoSocket implements Socket {
  events: SocketEvents | undefined;
  readonly #ws: DenoSocketLike;
  readonly #poll: Poll;
  readonly #cutter: Cutter;

  constructor(ws: DenoSocketLike, poll: Poll, cutter: Cutter) {
    this.#ws = ws;
    this.#poll = poll;
    this.#cutter = cutter;
  }

  get lingers(): true {
    return true;
  }

  get terminate(): (() => void) | undefined {
    return this.#cutter.works ? this.#cut : undefined;
  }

  #cut(): void {
    this.#cutter.cut(this.#ws);
  }

  send(data: Data): void {
    if (this.#ws.readyState !== 1) return;
    this.#ws.send(data as Uint8Array<ArrayBuffer>); // these bytes are never on shared memory
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason); // a server's socket accepts every code that can be sent (measured with 2.9)
  }

  buffered(): number {
    const waiting = this.#ws.bufferedAmount;
    if (waiting > 0) this.#poll.watch(this);
    return waiting;
  }

  /** For the poll: some bytes were written. */
  drained(): void {
    this.events?.drained();
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }
}
