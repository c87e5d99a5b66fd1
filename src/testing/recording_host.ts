/**
 * A node's side of the adapter seam, that remembers.
 *
 * @module
 */
import type { AdapterHost } from "../seams/adapter.ts";
import type { LogEntry } from "../seams/log.ts";
import { within } from "./assert.ts";

/** Records what an adapter tells its node. */
export class RecordingHost implements AdapterHost {
  /** Unique. */
  readonly nodeId: string = crypto.randomUUID();
  /** Every `up` and `down`, in order. */
  readonly statuses: ("up" | "down")[] = [];
  /** What failed in the background. */
  readonly errors: unknown[] = [];
  /** How many payloads were given up on. */
  droppedCount = 0;
  /** Runs at each payload after it was recorded; what it throws comes out of `message`. */
  onMessage: ((channel: string, payload: string) => void) | undefined;
  readonly #received = new Map<string, string[]>();
  /** Runs at each push of a log after it was recorded; what it throws comes out of `appended`. */
  onAppended:
    | ((channel: string, entries: readonly LogEntry[]) => void)
    | undefined;
  /** Which channels it was told to read again, in order; `undefined` for all. */
  readonly losses: (readonly string[] | undefined)[] = [];
  readonly #pushed = new Map<string, LogEntry[]>();
  readonly #watchers = new Set<() => void>();

  /** What it was told last; `up` when nothing. */
  get state(): "up" | "down" {
    return this.statuses.at(-1) ?? "up";
  }

  /** The payloads that came on a channel, in order. */
  received(channel: string): readonly string[] {
    return this.#received.get(channel) ?? [];
  }

  /** How many payloads came on all channels. */
  get count(): number {
    let count = 0;
    for (const payloads of this.#received.values()) count += payloads.length;
    return count;
  }

  message(channel: string, payload: string): void {
    const payloads = this.#received.get(channel);
    if (payloads) payloads.push(payload);
    else this.#received.set(channel, [payload]);
    this.#changed();
    this.onMessage?.(channel, payload);
  }

  /** The messages that were pushed of the log of a channel, in order. */
  pushed(channel: string): readonly LogEntry[] {
    return this.#pushed.get(channel) ?? [];
  }

  appended(channel: string, entries: readonly LogEntry[]): void {
    const pushed = this.#pushed.get(channel);
    if (pushed) pushed.push(...entries);
    else this.#pushed.set(channel, [...entries]);
    this.#changed();
    this.onAppended?.(channel, entries);
  }

  lost(channels?: readonly string[]): void {
    this.losses.push(channels);
    this.#changed();
  }

  status(status: "up" | "down"): void {
    this.statuses.push(status);
    this.#changed();
  }

  dropped(_channel: string, count: number): void {
    this.droppedCount += count;
    this.#changed();
  }

  error(error: unknown): void {
    this.errors.push(error);
    this.#changed();
  }

  /**
   * Waits until something holds; looks again whenever something is recorded.
   *
   * @param what What is waited for, for the message
   * @param ms For how long
   * @param holds Whether it holds
   */
  async until(what: string, ms: number, holds: () => boolean): Promise<void> {
    if (holds()) return;
    let watch: () => void = () => {};
    const happened = new Promise<void>((resolve) => {
      watch = () => holds() && resolve();
      this.#watchers.add(watch);
    });
    try {
      await within(happened, ms, what);
    } finally {
      this.#watchers.delete(watch);
    }
  }

  #changed(): void {
    for (const watch of this.#watchers) watch();
  }
}
