/**
 * One turn of the event loop: who has something to send at its end.
 *
 * @module
 */
import type { Socket } from "../../seams/socket.ts";

/** What is written at the end of a turn. */
export interface Flushable {
  flush(): void;
}

/** The outboxes of one server that wait for the end of the turn. */
export class FlushQueue {
  #waiting: Flushable[] = [];
  #after: (() => void)[] = [];

  /** How many outboxes wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Flushes an outbox when the turn ends; the first one's socket says when that is. */
  add(outbox: Flushable, socket: Socket): void {
    if (this.#waiting.push(outbox) === 1) socket.endOfTurn(this.flush);
  }

  /** Runs a function once the turn is over. */
  after(fn: () => void): void {
    this.#after.push(fn);
  }

  /** Flushes what waits now, such as before a native publish that must not overtake it. */
  readonly flush = (): void => {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const after = this.#after;
    if (after.length > 0) this.#after = [];
    for (const outbox of waiting) outbox.flush();
    if (after === this.#after) return; // there were none; what is in it now is for the next turn
    for (const fn of after) fn();
  };
}
