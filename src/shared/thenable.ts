/**
 * Values that may be promises. A synchronous value is never awaited, so that order is kept and a turn stays one turn.
 *
 * @module
 */

/** A value, or a promise of it. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** Tells whether a value must be awaited. Query builders are thenables without being promises. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"; // checked by this expression
}
