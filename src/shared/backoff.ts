/**
 * Back-off: how long to wait before a retry.
 *
 * @module
 */

/** The parameters of a back-off. */
export interface BackoffOptions {
  /** The upper bound of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** The upper bound of all waits, in milliseconds. */
  readonly maxMs: number;
  /** By what factor the bound grows with each attempt. */
  readonly factor: number;
}

/**
 * Picks a random wait below an upper bound that grows with each attempt (full jitter), so that many clients that lost
 * the same server do not reconnect at the same time.
 *
 * @param attempt The number of failed attempts, from 0
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
