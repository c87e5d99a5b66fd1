/**
 * When an object stops hearing other nodes, so that it may be taken out of memory, and where it goes on.
 *
 * @module
 */
import type { AdapterRest } from "../adapter.ts";
import type { DurableStorageLike } from "./cloudflare_like.ts";

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
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastAt = 0;
  #pausing: Promise<void> = Promise.resolve();
  #paused = false;
  #stored = false;

  constructor(adapter: AdapterRest, host: RestHost) {
    this.#adapter = adapter;
    this.#host = host;
  }

  /** Subscribes anew after a sleep, from where hearing stopped. */
  async restore(subscribe: () => Promise<void> | void): Promise<void> {
    const kept = await this.#host.storage.list({ prefix: KEY });
    const position = kept.get(KEY);
    if (typeof position !== "string") return await subscribe();
    this.#stored = true;
    await this.#adapter.restore(position, subscribe);
  }

  /** A client or somebody outside says something: the object hears all as it comes, for a while. */
  touch(): void {
    this.#lastAt = Date.now();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#look, this.#host.idleAfterMs);
    if (this.#paused) this.#adapter.resume();
    this.#paused = false;
    // An old position would bring again what is heard from now on.
    if (this.#stored) this.#host.storage.delete([KEY]).catch(this.#host.report);
    this.#stored = false;
  }

  /** The alarm rang: an object that rests hears what there is, and rests again. */
  async rang(): Promise<void> {
    if (this.#timer !== undefined) return;
    if (this.#paused) this.#adapter.resume();
    await this.#rest();
  }

  readonly #look = (): void => {
    const left = this.#lastAt + this.#host.idleAfterMs - Date.now();
    this.#timer = left > 0 ? setTimeout(this.#look, left) : undefined;
    if (left <= 0) void this.#rest();
  };

  #rest(): Promise<void> {
    return this.#pausing = this.#pausing
      .then(() => this.#pause())
      .catch(this.#host.report);
  }

  async #pause(): Promise<void> {
    if (this.#timer !== undefined) return; // somebody has said something meanwhile
    this.#paused = true;
    const position = await this.#adapter.pause();
    if (!this.#paused || position === undefined) return;
    this.#stored = true;
    this.#host.wakeAt(Date.now() + this.#host.sleepPollMs);
    await this.#host.storage.put({ [KEY]: position });
  }
}
