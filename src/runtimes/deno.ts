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

/** Makes the function that upgrades on Deno. */
export function createDenoUpgrade(): (
  request: Request,
  deno: DenoLike,
  handshake: Extract<Handshake, { kind: "upgrade" }>,
) => Response {
  const poll = createPoll();
  return (request, deno, handshake) => {
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
    attach(upgraded.socket, handshake, poll);
    return upgraded.response;
  };
}

function attach(
  ws: DenoSocketLike,
  handshake: Extract<Handshake, { kind: "upgrade" }>,
  poll: Poll,
): void {
  let events: SocketEvents | undefined;
  let waiting: typeof handshake | undefined = handshake; // until it is open, since it holds on to the request
  const socket = new DenoSocket(ws, poll);
  ws.binaryType = "arraybuffer";
  ws.onopen = () => {
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

  constructor(ws: DenoSocketLike, poll: Poll) {
    this.#ws = ws;
    this.#poll = poll;
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
