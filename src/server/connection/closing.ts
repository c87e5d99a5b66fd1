/**
 * Sockets that this node has closed and whose peers have not answered the close frame. Each one has a deadline.
 *
 * @module
 */
import { Deadlines } from "../fanout/deadlines.ts";
import type { Socket } from "../../seams/socket.ts";

/**
 * How long a socket may be closing when there are too many of them, in milliseconds. A well-behaved peer needs one
 * round trip.
 */
const LEAST_MS = 1_000;

/** The sockets of one node that are closing. */
export class ClosingSockets {
  readonly #max: number;
  readonly #deadlines: Deadlines<Socket>;
  /** When each one was closed, the oldest first. */
  readonly #since = new Map<Socket, number>();
  #emptied: (() => void) | undefined;

  /**
   * @param max How many there may be before those older than a second are cut
   * @param timeoutMs How long each may take, in milliseconds
   */
  constructor(max: number, timeoutMs: number) {
    this.#max = max;
    this.#deadlines = new Deadlines(timeoutMs, cut);
  }

  /** The number of closing sockets. */
  get size(): number {
    return this.#since.size;
  }

  /** Closes a socket, and cuts it if the peer does not answer in time. */
  close(socket: Socket, code: number, reason: string): void {
    if (socket.lingers) {
      this.#since.set(socket, performance.now());
      this.#deadlines.add(socket);
      this.#relieve();
    }
    socket.close(code, reason);
  }

  /** A socket is closed. */
  delete(socket: Socket): void {
    if (!this.#since.delete(socket)) return;
    this.#deadlines.delete(socket);
    if (this.#since.size === 0) this.#emptied?.();
  }

  /** Resolves when none is left. Cuts those that take longer than a time. */
  async end(withinMs: number): Promise<void> {
    if (this.size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      timer = setTimeout(() => {
        for (const socket of [...this.#since.keys()]) cut(socket);
        resolve();
      }, withinMs);
    });
    clearTimeout(timer);
  }

  /** Cuts the oldest while there are too many, except those of the last second: a node may close thousands at once. */
  #relieve(): void {
    for (const [socket, since] of this.#since) {
      const excess = this.#since.size > this.#max;
      if (!excess || performance.now() - since < LEAST_MS) return;
      if (!socket.terminate) return; // new connections are refused instead
      this.delete(socket);
      cut(socket);
    }
  }
}

function cut(socket: Socket): void {
  socket.terminate?.();
}
