/**
 * What listening returns, on clients and servers alike: a function that stops it.
 *
 * @module
 */
import type { Joined } from "./joined.ts";

/** Stops listening; a second call does nothing. With `using` it stops at the end of the block. */
export interface Off {
  /** Stops listening. */
  (): void;
  /** As calling it. */
  [Symbol.dispose](): void;
}

/** Stops listening to something that other nodes send, and tells when it arrives. */
export interface ReadyOff extends Off {
  /**
   * Settles once: resolves `{ live: true }` when messages of all nodes arrive, and `{ live: false }` when those of other
   * nodes do not yet, or it was stopped before. On a client it rejects when the server refuses. It need not be awaited.
   */
  readonly ready: Promise<Joined>;
}

/** Makes a function that stops listening disposable. */
export function createOff(stop: () => void): Off {
  return Object.assign(stop, { [Symbol.dispose]: stop });
}
