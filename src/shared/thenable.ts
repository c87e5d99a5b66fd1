/**
 * Values that may be promises: a synchronous one is never awaited, so that order holds and a turn stays one turn.
 *
 * @module
 */

/** A value, or the promise of one. */
export type Maybe<T> = T | PromiseLike<T>;

/** Tells whether a value has to be awaited. Query builders are thenables without being promises. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"; // the read is what is checked
}
