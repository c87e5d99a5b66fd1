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

/** After how long one answer is waited for no longer, where no option says it, in milliseconds. */
export const ASK_MS = 30_000;

/** How the waiting ended: with an outcome, after its time, or by its signal. */
export type WaitingEnd = "settled" | "late" | "aborted";

/**
 * Waits for one outcome.
 *
 * @param start Starts what is waited for; returns what is called once at the end, with how it ended
 * @param late What it resolves with when the time is over; it rejects with TIMEOUT when left out
 */
export function withDeadline<T>(
  { timeoutMs = ASK_MS, signal }: AskOptions,
  start: (waiting: Waiting<T>) => (end: WaitingEnd) => void,
  late?: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const state: Waited = { over: false, timer: undefined, stop: undefined };
    const end = (how: WaitingEnd, settle: () => void) => {
      if (state.over) return;
      state.over = true;
      clearTimeout(state.timer);
      signal?.removeEventListener("abort", abort);
      settle();
      state.stop?.(how);
    };
    const abort = () => end("aborted", () => reject(signal?.reason));
    const stop = start({
      resolve: (value) => end("settled", () => resolve(value)),
      reject: (error) => end("settled", () => reject(error)),
    });
    if (state.over) return stop("settled"); // at once
    state.stop = stop;
    signal?.addEventListener("abort", abort);
    if (!(timeoutMs <= MAX_TIMER_MS)) return;
    state.timer = setTimeout(() =>
      end("late", () => {
        if (late) return resolve(late());
        const message = `No answer came within timeoutMs ${timeoutMs}`;
        reject(remoteError("TIMEOUT", message));
      }), timeoutMs);
  });
}

interface Waited {
  over: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
  stop: ((end: WaitingEnd) => void) | undefined;
}
