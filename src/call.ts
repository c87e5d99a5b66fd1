/**
 * A call under way.
 *
 * @module
 */
import type { CallInfo } from "./implementation.ts";

/** A request, signal or subscription between its frame and its answer. */
export class PendingCall implements CallInfo {
  readonly id: number;
  #controller: AbortController | undefined;
  #ended: Error | undefined;

  constructor(id: number) {
    this.id = id;
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
