/**
 * Sockets of the `ws` package, which Node's servers use. The types are structural: nothing is imported.
 *
 * @module
 */
import type { Handshake } from "../server/handshake/handshake.ts";
import type { Data } from "../wire/bytes.ts";
import type { Socket, SocketEvents } from "../seams/socket.ts";
import type { Poll } from "./poll.ts";

/** The members used of a `ws` socket. */
export interface WsLike {
  /** 1 while the socket is open. */
  readonly readyState: number;
  /** How many bytes are waiting. */
  readonly bufferedAmount: number;
  /** Adds a listener. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Sends one message. */
  send(data: string | Uint8Array): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Destroys the connection. */
  terminate(): void;
}

/** Passes an open `ws` socket to a node. */
export function openWs(
  ws: WsLike,
  handshake: Extract<Handshake, { kind: "upgrade" }>,
  poll: Poll,
): void {
  const socket = new WsSocket(ws, poll);
  (ws as OwnWs)[OURS] = socket;
  socket.events = handshake.open(socket);
  ws.on("message", message);
  ws.on("pong", pong);
  ws.on("error", ignore); // `close` follows; an error without a listener ends the process
  ws.on("close", close);
}

/**
 * The key of this package's object on a `ws` socket: shared listeners cost 0.3 kB less per connection than closures.
 */
const OURS = Symbol("super-line.socket");

interface OwnWs extends WsLike {
  [OURS]: WsSocket;
}

const decoder = new TextDecoder();

function message(this: OwnWs, data: Uint8Array, isBinary: boolean): void {
  // ws checks that text is valid UTF-8
  this[OURS].events?.message(isBinary ? data : decoder.decode(data));
}

function pong(this: OwnWs): void {
  this[OURS].events?.alive();
}

function ignore(): void {}

function close(this: OwnWs, code: number, reason: Uint8Array): void {
  this[OURS].closed(code, decoder.decode(reason));
}

class WsSocket implements Socket {
  events: SocketEvents | undefined;
  readonly #ws: WsLike;
  readonly #poll: Poll;

  constructor(ws: WsLike, poll: Poll) {
    this.#ws = ws;
    this.#poll = poll;
  }

  /** For the poll: some bytes were written. */
  drained(): void {
    this.events?.drained();
  }

  closed(code: number, reason: string): void {
    this.#poll.forget(this);
    this.events?.closed(code, reason);
  }

  send(data: Data): void {
    if (this.#ws.readyState === 1) this.#ws.send(data);
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  get lingers(): true {
    return true;
  }

  terminate(): void {
    this.#ws.terminate();
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
