/**
 * The one alarm of a Durable Object.
 *
 * @module
 */
import type { DurableStorageLike } from "./types.ts";

/** Sets the alarm to the earliest requested time. */
export class Alarm {
  readonly #storage: DurableStorageLike;
  readonly #report: (error: unknown) => void;
  #planned = Infinity;

  constructor(storage: DurableStorageLike, report: (error: unknown) => void) {
    this.#storage = storage;
    this.#report = report;
  }

  /** Requests a wake-up. */
  at(time: number): void {
    if (time >= this.#planned) return;
    this.#planned = time;
    this.#set(time).catch(this.#report);
  }

  /** The alarm fired. */
  rang(): void {
    this.#planned = Infinity;
  }

  async #set(time: number): Promise<void> {
    // After a sleep it is not known what is set. Setting an alarm is a billed write.
    const set = await this.#storage.getAlarm();
    if (set === null || set > time) await this.#storage.setAlarm(time);
  }
}
