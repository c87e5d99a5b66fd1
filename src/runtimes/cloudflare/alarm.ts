/**
 * The one alarm that a Durable Object has.
 *
 * @module
 */
import type { DurableStorageLike } from "./types.ts";

/** Sets the alarm to the earliest time that was asked for. */
export class Alarm {
  readonly #storage: DurableStorageLike;
  readonly #report: (error: unknown) => void;
  #planned = Infinity;

  constructor(storage: DurableStorageLike, report: (error: unknown) => void) {
    this.#storage = storage;
    this.#report = report;
  }

  /** Asks to be woken at a time. */
  at(time: number): void {
    if (time >= this.#planned) return;
    this.#planned = time;
    this.#set(time).catch(this.#report);
  }

  /** It rang. */
  rang(): void {
    this.#planned = Infinity;
  }

  async #set(time: number): Promise<void> {
    // After a sleep nobody here knows what is set; to set one is a write that is paid for.
    const set = await this.#storage.getAlarm();
    if (set === null || set > time) await this.#storage.setAlarm(time);
  }
}
