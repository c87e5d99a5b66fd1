/**
 * When an object stops hearing other nodes, so that it may be taken out of memory, and where it goes on.
 *
 * @module
 */
import type { AdapterRest } from "../../seams/adapter.ts";
import { MAX_TIMER_MS } from "../../shared/timers.ts";
import type { DurableStorageLike } from "./types.ts";

/** No key of an application's should start so. */
const KEY = "super-line/position";

/** What a rest is made with. */
export interface RestSettings {
  /** How long no client has to say anything before hearing stops. */
  readonly idleAfterMs: number;
  /** How long a rest is. */
  readonly sleepPollMs: number;
}

/** What it needs. */
export interface RestHost extends RestSettings {
  readonly storage: DurableStorageLike;
  /** Has the object woken. */
  wakeAt(time: number): void;
  /** Something failed in the background. */
  report(error: unknown): void;
}

/** Pauses an adapter while nobody says anything, and looks once in a while. */
export class Rest {
  readonly #adapter: AdapterRest;
  readonly #host: RestHost;
  /** Runs from a word until there was none for long enough: while it does all is heard as it comes. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastAt = 0;
  #stored = false;

  constructor(adapter: AdapterRest, host: RestHost) {
    this.#adapter = adapter;
    this.#host = host;
  }

  /** Goes on after a sleep where hearing stopped, in what is subscribed by the time that the connections are there. */
  restore(connected: Promise<void> | undefined): Promise<void> {
    return this.#adapter.restore(this.#position(connected));
  }

  /** A client or somebody outside says something. */
  touch(): void {
    this.#lastAt = Date.now();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#look, this.#host.idleAfterMs);
    this.#adapter.resume();
    // An old position would bring again what is heard from now on.
    if (this.#stored) this.#host.storage.delete([KEY]).catch(this.#host.report);
    this.#stored = false;
  }

  /** The alarm rang: an object that rests hears what there is, and rests again. */
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
    return kept.get(KEY) as string | undefined; // `pause` gave it
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

/** Checks what an application gave. */
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
