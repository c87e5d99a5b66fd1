/**
 * How long to wait before trying again.
 *
 * @module
 */

/** The shape of a back-off. */
export interface BackoffOptions {
  /** The upper bound of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** The upper bound of every wait, in milliseconds. */
  readonly maxMs: number;
  /** How much the bound grows with each attempt. */
  readonly factor: number;
}

/**
 * Picks a wait with full jitter: anywhere between nothing and a bound that grows, so that many who lost the same server
 * do not come back at once.
 *
 * @param attempt How many attempts have failed, from 0
 * @param options The bounds
 * @returns Milliseconds
 *
 * @example The fourth attempt waits at most four seconds
 * ```ts
 * import { backoffDelay } from "@super-line/edge/client";
 *
 * console.log(backoffDelay(3, { baseMs: 500, maxMs: 30_000, factor: 2 }));
 * ```
 */
export function backoffDelay(
  attempt: number,
  { baseMs, maxMs, factor }: BackoffOptions,
): number {
  return Math.random() * Math.min(maxMs, baseMs * factor ** attempt);
}
