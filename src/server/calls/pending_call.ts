/**
 * A call under way.
 *
 * @module
 */
import type { CallInfo } from "../handlers.ts";
import type { ObservedCall } from "../stats/observer.ts";
import type { Tally } from "../stats/call_stats.ts";

/** A request, signal or subscription between its frame and its answer. */
export class PendingCall implements CallInfo {
  readonly id: number;
  readonly startedAt: number = performance.now();
  /** Where its end is to be counted; `undefined` when it has been. */
  tally: Tally | undefined;
  /** What the observer was told of it. */
  seen: ObservedCall | undefined;
  #controller: AbortController | undefined;
  #ended: Error | undefined;

  constructor(id: number, tally: Tally) {
    this.id = id;
    this.tally = tally;
  }

  /** Whether nobody waits for the answer any more. */
  get abandoned(): boolean {
    return this.#ended !== undefined;
  }

  /** Most handlers never read it, so it is made when one does. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended) this.#controller.abort(this.#ended);
    return this.#controller.signal;
  }

  /** Nobody waits any more: aborts the signal. */
  abandon(reason: Error): void {
    this.#ended ??= reason;
    this.#controller?.abort(this.#ended);
  }
}
