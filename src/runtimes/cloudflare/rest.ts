/**
 * Pauses an object's adapter so that the object can be taken out of memory, and continues later.
 *
 * @module
 */
import type { AdapterRest } from "../../seams/adapter.ts";
import { MAX_TIMER_MS } from "../../shared/timers.ts";
import type { DurableStorageLike } from "./types.ts";

/** The storage key, which applications must not use. */
const KEY = "super-line/position";

/** The settings of a rest. */
export interface RestSettings {
  /** How long without client messages before the adapter is paused, in milliseconds. */
  readonly idleAfterMs: number;
  /** How long a rest takes, in milliseconds. */
  readonly sleepPollMs: number;
}

/** What a rest needs. */
export interface RestHost extends RestSettings {
  readonly storage: DurableStorageLike;
  /** Schedules a wake-up. */
  wakeAt(time: number): void;
  /** A background error. */
  report(error: unknown): void;
}

/** Pauses an adapter while there is no activity, and polls once in a while. */
export class Rest {
  readonly #adapter: AdapterRest;
  readonly #host: RestHost;
  /** Runs after activity until there was none for long enough. While it runs, messages are received as they come. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastAt = 0;
  #stored = false;

  constructor(adapter: AdapterRest, host: RestHost) {
    this.#adapter = adapter;
    this.#host = host;
  }

  /**
   * Continues after a sleep from the saved position, for the channels that are subscribed once connections are
   * restored.
   */
  restore(connected: Promise<void> | undefined): Promise<void> {
    return this.#adapter.restore(this.#position(connected));
  }

  /** Records activity of a client or another caller. */
  touch(): void {
    this.#lastAt = Date.now();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#look, this.#host.idleAfterMs);
    this.#adapter.resume();
    // With an old position messages received from now on would be repeated later.
    if (this.#stored) this.#host.storage.delete([KEY]).catch(this.#host.report);
    this.#stored = false;
  }

  /** The alarm fired: a resting object receives what there is, and rests again. */
  async rang(): Promise<void> {
    if (this.#timer === undefined) await this.#pause();
  }

  async #position(
    connected: Promise<void> | undefined,
  ): Promise<string | undefined> {
    const { storage } = this.#host;
    const [kept] = await Promise.all([
      storage.list({ prefix: KEY }),
      connected,
    ]);
    this.#stored = kept.has(KEY);
    return kept.get(KEY) as string | undefined; // `pause` returned it
  }

  readonly #look = (): void => {
    const left = this.#lastAt + this.#host.idleAfterMs - Date.now();
    this.#timer = left > 0 ? setTimeout(this.#look, left) : undefined;
    if (left <= 0) void this.#pause();
  };

  async #pause(): Promise<void> {
    const position = await this.#adapter.pause();
    const touched = this.#timer !== undefined;
    if (touched || position === undefined) return;
    this.#stored = true;
    this.#host.wakeAt(Date.now() + this.#host.sleepPollMs);
    await this.#host.storage.put({ [KEY]: position })
      .catch(this.#host.report);
  }
}

/** Checks the application's settings. */
export function restSettings(
  idleAfterMs = 30_000,
  sleepPollMs = 60_000,
): RestSettings {
  const settings = { idleAfterMs, sleepPollMs };
  for (const [name, value] of Object.entries(settings)) {
    if (value > 0 && value <= MAX_TIMER_MS) continue;
    throw new RangeError(
      `Cannot create a Durable Object: ${name} is ${value}, must be more than 0 and at most ${MAX_TIMER_MS}`,
    );
  }
  return settings;
}
