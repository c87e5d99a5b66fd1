/**
 * A socket of the `ws` package, which Node's servers use. Typed by structure: nothing is imported.
 *
 * @module
 */
import type { Handshake } from "../handshake.ts";
import type { Data, Socket } from "../socket.ts";
import type { Poll } from "./poll.ts";

/** What is used of a `ws` socket. */
export interface WsLike {
  /** 1 when messages may be sent. */
  readonly readyState: number;
  /** How many bytes wait. */
  readonly bufferedAmount: number;
  /** Listens. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Sends one message. */
  send(data: string | Uint8Array): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** Gives a node an open `ws` socket. */
export function openWs(
  ws: WsLike,
  handshake: Extract<Handshake, { kind: "upgrade" }>,
  poll: Poll,
): void {
  const socket = new WsSocket(ws, poll);
  const events = handshake.open(socket);
  socket.drained = () => events.drained();
  ws.on("message", (data: Uint8Array, isBinary: boolean) => {
    events.message(isBinary ? data : decoder.decode(data)); // ws has checked that text is UTF-8
  });
  ws.on("pong", () => events.alive());
  ws.on("error", () => {}); // a close follows; an error that nobody listens to ends the process
  ws.on("close", (code: number, reason: Uint8Array) => {
    poll.forget(socket);
    events.closed(code, decoder.decode(reason));
  });
}

const decoder = new TextDecoder();

class WsSocket implements Socket {
  drained: () => void = () => {};
  readonly #ws: WsLike;
  readonly #poll: Poll;

  constructor(ws: WsLike, poll: Poll) {
    this.#ws = ws;
    this.#poll = poll;
  }

  send(data: Data): void {
    if (this.#ws.readyState === 1) this.#ws.send(data);
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  buffered(): number {
    const waiting = this.#ws.bufferedAmount;
    if (waiting > 0) this.#poll.watch(this);
    return waiting;
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }
}
