/**
 * How Deno accepts a WebSocket. Typed by structure: this file loads on every runtime.
 *
 * Deno shuts its whole listener down when a handler, once it has called `upgradeWebSocket`, throws or returns anything
 * but that response (ext/http, measured with 2.9): the upgrade is the last thing done before `return`.
 *
 * @module
 */
import type { Handshake } from "../server/handshake/handshake.ts";
import type { Data } from "../wire/bytes.ts";
import type { Socket, SocketEvents } from "../seams/socket.ts";
import { createPoll, type Poll } from "./poll.ts";

/** What is used of Deno's server-side `WebSocket`. */
export interface DenoSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 1 when messages may be sent. */
  readonly readyState: number;
  /** How many bytes wait. */
  readonly bufferedAmount: number;
  /** It may be sent to from now on. */
  onopen: (() => void) | null;
  /** A message came. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** It broke; a close follows. */
  onerror: ((event: never) => void) | null;
  /** It is over; may be told twice. */
  onclose:
    | ((event: { readonly code: number; readonly reason: string }) => void)
    | null;
  /** Sends one message; throws unless it is open. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** What is used of the `Deno` global. */
export interface DenoLike {
  /** Turns a request into a WebSocket. */
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { readonly socket: DenoSocketLike; readonly response: Response };
  /** The key of what Deno keeps for itself. */
  readonly internal?: symbol;
}

/** What is used of what Deno keeps for itself; each may be missing in another version. */
interface DenoCoreLike {
  readonly core?: { tryClose?(rid: number): void };
}

/** Finds Deno, where this is Deno. */
export function denoGlobal(): DenoLike | undefined {
  const { Deno } = globalThis as { Deno?: Partial<DenoLike> }; // there or not, checked on the next line
  return typeof Deno?.upgradeWebSocket === "function"
    ? Deno as DenoLike
    : undefined;
}

/** Reads the peer's address out of what `Deno.serve` passes beside the request. */
export function denoAddressIn(info: unknown): string | undefined {
  const address = (info as { remoteAddr?: { hostname?: unknown } } | undefined)
    ?.remoteAddr?.hostname; // any value may be asked for a member but null
  return typeof address === "string" ? address : undefined;
}

/** Copies what can be read of an upgrade request: after the upgrade, Deno's own throws "Request closed" (2.9). */
export function copyOf(request: Request): Request {
  try {
    return new Request(request.url, { headers: request.headers });
  } catch {
    return request; // its target makes no URL, and it is refused
  }
}

/** Upgrades requests on Deno. */
export interface DenoUpgrade {
  /** Whether a socket can be cut whose peer does not answer the close frame; Deno has no public way (2.9). */
  readonly canTerminate: boolean;
  /** Upgrades a request, as the last thing before it is returned. */
  upgrade(
    request: Request,
    handshake: Extract<Handshake, { kind: "upgrade" }>,
  ): Response;
}

/** Makes what upgrades on Deno. */
export function createDenoUpgrade(deno: DenoLike): DenoUpgrade {
  const poll = createPoll();
  const cutter = new Cutter(deno);
  return {
    get canTerminate() {
      return cutter.works;
    },
    upgrade(request, handshake) {
      let upgraded: ReturnType<DenoLike["upgradeWebSocket"]>;
      try {
        // No idle timeout of Deno's own: the node looks at heartbeats, on every runtime the same.
        upgraded = deno.upgradeWebSocket(request, { idleTimeout: 0 });
        // Its option `protocol` does not find one in a list without spaces, which `ws` sends: "a,b" (measured with 2.9).
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
      attach(upgraded.socket, handshake, poll, cutter);
      return upgraded.response;
    },
  };
}

/**
 * Cuts sockets. After `close()` Deno waits for the peer's close frame for ever, and has no `terminate` (2.9.6), so this
 * closes the resource under the socket, which only Deno's own code is meant to name. Where anything of it is missing,
 * `works` is false and nothing is touched.
 */
class Cutter {
  works: boolean;
  readonly #core: DenoCoreLike["core"];

  constructor(deno: DenoLike) {
    const own = deno as unknown as Record<symbol, DenoCoreLike | undefined>; // looked at member by member
    this.#core = deno.internal && own[deno.internal]?.core;
    this.works = typeof this.#core?.tryClose === "function";
  }

  /** Learns from an open socket whether it can be cut. */
  learn(ws: DenoSocketLike): void {
    if (this.works) this.works = resourceOf(ws) !== undefined;
  }

  cut(ws: DenoSocketLike): void {
    const resource = resourceOf(ws);
    if (resource !== undefined) this.#core?.tryClose?.(resource);
  }
}

/** The number of the resource under a socket, which the socket has under a symbol of Deno's own. */
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
): void {
  let events: SocketEvents | undefined;
  let waiting: typeof handshake | undefined = handshake; // until it is open, since it holds on to the request
  const socket = new DenoSocket(ws, poll, cutter);
  ws.binaryType = "arraybuffer";
  ws.onopen = () => {
    cutter.learn(ws);
    events = waiting?.open(socket);
    socket.events = events;
    waiting = undefined;
  };
  ws.onmessage = ({ data }) =>
    events?.message(
      typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer), // binaryType says so
    );
  ws.onerror = () => {}; // a close follows, and an error nobody listens to is printed
  ws.onclose = ({ code, reason }) => {
    poll.forget(socket);
    waiting?.abandon();
    events?.closed(code === 0 ? 1006 : code, reason); // 0: the peer went without a close frame
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
    this.#ws.send(data as Uint8Array<ArrayBuffer>); // our own bytes are never on shared memory
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason); // a server's socket takes every code that may be sent (measured with 2.9)
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
