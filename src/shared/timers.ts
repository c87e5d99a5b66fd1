/**
 * Timers within the limits of the platform.
 *
 * @module
 */

/** The longest delay of a timer, in milliseconds: timers count in 31 bits, and a longer delay fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Lets the process exit while a timer is pending, on runtimes whose timers support that. */
export function unref<T>(timer: T): T {
  (timer as { unref?: () => void }).unref?.(); // Deno, Bun and Node have it; in browsers and workerd timers are numbers
  return timer;
}

/**
 * Waits.
 *
 * @param ms How long, in milliseconds
 * @param options `signal` ends the wait early
 * @returns Resolves when the time is over or the signal aborts, whichever is first. Never rejects.
 */
export function delay(
  ms: number,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
