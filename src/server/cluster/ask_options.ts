/**
 * Waits for an answer until a timeout or a signal.
 *
 * @module
 */
import { MAX_TIMER_MS } from "../../shared/timers.ts";
import { remoteError } from "../../wire/errors.ts";

/** How long to wait for an answer. */
export interface AskOptions {
  /**
   * The timeout in milliseconds; `Infinity` for none.
   *
   * @default {30_000, 5_000 where several are asked}
   */
  readonly timeoutMs?: number;
  /** Cancels the request: it rejects with the signal's reason, and the other side is notified. */
  readonly signal?: AbortSignal;
}

/** Settles the wait; only the first call counts. */
export interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** The default timeout of one answer, in milliseconds. */
export const ASK_MS = 30_000;

/** How the wait ended: with an outcome, by its timeout, or by its signal. */
export type WaitingEnd = "settled" | "late" | "aborted";

/**
 * Waits for one outcome.
 *
 * @param start Starts the request; returns a function that is called once at the end, with how it ended
 * @param late Returns the value after the timeout; if left out, it rejects with TIMEOUT
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
    if (state.over) return stop("settled"); // already
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
