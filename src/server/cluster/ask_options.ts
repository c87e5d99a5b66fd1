/**
 * Waiting for an answer until a time-out or a signal says to wait no longer.
 *
 * @module
 */
import { MAX_TIMER_MS } from "../../shared/timers.ts";
import { remoteError } from "../../wire/errors.ts";

/** How long an answer is waited for. */
export interface AskOptions {
  /**
   * After how long nobody waits any more, in milliseconds; `Infinity` for never.
   *
   * @default {30_000, 5_000 where many are asked}
   */
  readonly timeoutMs?: number;
  /** Ends the waiting: it rejects with the signal's reason, and whoever was asked is told. */
  readonly signal?: AbortSignal;
}

/** What settles the waiting; only the first call counts. */
export interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * Waits for one outcome.
 *
 * @param start Starts what is waited for; gives what is called once at the end, with whether there was an outcome
 * @param late What it resolves with when the time is over; it rejects with TIMEOUT when left out
 */
export function withDeadline<T>(
  { timeoutMs = 30_000, signal }: AskOptions,
  start: (waiting: Waiting<T>) => (answered: boolean) => void,
  late?: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const state: Waited = { over: false, timer: undefined, stop: undefined };
    const end = (answered: boolean, settle: () => void) => {
      if (state.over) return;
      state.over = true;
      clearTimeout(state.timer);
      signal?.removeEventListener("abort", abort);
      settle();
      state.stop?.(answered);
    };
    const abort = () => end(false, () => reject(signal?.reason));
    const stop = start({
      resolve: (value) => end(true, () => resolve(value)),
      reject: (error) => end(true, () => reject(error)),
    });
    if (state.over) return stop(true); // at once
    state.stop = stop;
    signal?.addEventListener("abort", abort);
    if (!(timeoutMs <= MAX_TIMER_MS)) return;
    state.timer = setTimeout(() =>
      end(false, () => {
        if (late) return resolve(late());
        const message = `No answer came within timeoutMs ${timeoutMs}`;
        reject(remoteError("TIMEOUT", message));
      }), timeoutMs);
  });
}

interface Waited {
  over: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
  stop: ((answered: boolean) => void) | undefined;
}
