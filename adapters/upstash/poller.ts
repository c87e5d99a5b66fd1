/**
 * Reads the streams that somebody listens to: often while there is traffic, ever less while there is none.
 *
 * @module
 */
import { backoffDelay } from "../../src/shared/backoff.ts";
import { compareIds, FIRST_ID, idBefore } from "../shared/streams.ts";
import type { Calls } from "./calls.ts";
import { UpstashFailure } from "./failure.ts";
import type { Health } from "./health.ts";
import type { PageSize } from "./page_size.ts";
import type { Shard } from "./shard.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Wakes } from "./notifications.ts";

/** What a poller is made with. */
export interface PollerSettings {
  /** The wait while there is traffic. */
  readonly minIntervalMs: number;
  /** The longest wait. */
  readonly maxIntervalMs: number;
  /** How much a wait without news is longer than the one before. */
  readonly factor: number;
  /** How many entries a stream keeps. */
  readonly streamLength: number;
  /** A key that does not exist, to ask whether anybody answers. */
  readonly probeKey: string;
  /** How long the ids of streams without news are taken on trust, half an hour if nothing is said. */
  readonly checkMs?: number;
}

/** Why messages may be missing. */
export type GapReason = "trimmed" | "went-back" | "unreadable";

/** What a poller tells. */
export interface PollerHost {
  /** Messages of a stream may be missing. */
  gap(shard: Shard, reason: GapReason): void;
}

/** Waits after failures; the part that is always keeps a failing loop from being a hot one. */
const RETRY_BASE_MS = 250;
const RETRY_AT_LEAST_MS = 20;
/** The longest of them in longest waits without news: 30 s, if nothing else is said. */
const RETRY_MOST = 6;
/** The wait while there is somebody to tell of news. */
const SAFETY_MS = 60_000;
const CHECK_MS = 1_800_000;

/** One read at a time. Where nobody listens there is none, but while it is down: then it looks whether it still is. */
export class Poller {
  readonly #subscriptions: Subscriptions;
  readonly #calls: Calls;
  readonly #health: Health;
  readonly #host: PollerHost;
  readonly #settings: PollerSettings;
  readonly #page: PageSize;
  readonly #wakes: Wakes | undefined;
  #interval: number;
  #failures = 0;
  /** When ids were last looked at; by the wall clock, which a later life has too. */
  checkedAt: number = Date.now();
  #polling: Promise<number> | undefined;
  /** Whether to read again after the read that is under way. */
  #again = false;
  /** Whether the next read is due to time alone, though it would be told of news. */
  #safety = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;
  #closed = false;
  /** Whether no read may come by itself. */
  paused = false;

  constructor(
    { subscriptions, calls, health, page, wakes }: {
      subscriptions: Subscriptions;
      calls: Calls;
      health: Health;
      page: PageSize;
      wakes: Wakes | undefined;
    },
    host: PollerHost,
    settings: PollerSettings,
  ) {
    this.#subscriptions = subscriptions;
    this.#calls = calls;
    this.#health = health;
    this.#page = page;
    this.#wakes = wakes;
    this.#host = host;
    this.#settings = settings;
    this.#interval = settings.minIntervalMs;
  }

  /** Something is likely to come: waits no longer than while there is traffic, or not at all. */
  kick(delayMs: number = this.#settings.minIntervalMs): void {
    this.#interval = this.#settings.minIntervalMs;
    if (this.#failures > 0) return; // it must not come sooner
    this.#again ||= this.#polling !== undefined && delayMs === 0;
    if (this.#polling) return;
    this.#safety = false;
    const due = performance.now() + delayMs;
    if (this.#timer === undefined || due < this.#due) this.#schedule(delayMs);
  }

  /** Somebody was answered: looks at once whether it is up again. */
  retry(): void {
    if (this.#failures > 0 && !this.#polling) this.#schedule(0);
  }

  /** Reads what there is, and then no more until `resume`. */
  async pause(): Promise<void> {
    this.paused = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let wait = 0;
    while (wait === 0 && this.paused && this.#needed) {
      wait = await (this.#polling ?? this.#poll());
    }
  }

  /** Reads on, now. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#failures = 0;
    this.kick(0);
  }

  /** Something failed elsewhere: while it is down somebody has to look when it is up. */
  watch(): void {
    if (this.#health.down && !this.#polling && this.#timer === undefined) {
      this.#schedule(RETRY_BASE_MS);
    }
  }

  /** Ends. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  get #needed(): boolean {
    const needed = this.#subscriptions.read.length > 0 || this.#health.down;
    return needed && !this.#closed;
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.paused || !this.#needed) return;
    this.#due = performance.now() + delayMs;
    this.#timer = setTimeout(() => void this.#poll(), delayMs);
  }

  /** Gives the wait until the next. */
  #poll(): Promise<number> {
    this.#timer = undefined;
    return this.#polling = this.#pollOnce();
  }

  async #pollOnce(): Promise<number> {
    this.#again = false;
    const started = performance.now();
    let delay: number;
    try {
      if (this.#health.down) await this.#probe();
      delay = await this.#read();
      this.#failures = 0;
      this.#health.recovered();
    } catch (error) {
      delay = this.#failed(UpstashFailure.of(error), started);
    }
    this.#polling = undefined;
    if (this.#again && this.#failures === 0) delay = 0;
    this.#schedule(delay);
    return delay;
  }

  /** An outage may have been a change of leaders: then what is read must be looked at too. */
  async #probe(): Promise<void> {
    if (this.#subscriptions.read.length > 0) await this.#check();
    else {
      await this.#calls.read(new Map([[this.#settings.probeKey, FIRST_ID]]), 1);
    }
  }

  async #check(): Promise<void> {
    await this.#subscriptions.check();
    this.checkedAt = Date.now();
  }

  /** Reads once, and gives the wait until the next. */
  async #read(): Promise<number> {
    const { checkMs = CHECK_MS } = this.#settings;
    if (Date.now() - this.checkedAt > checkMs) await this.#check();
    const shards = this.#page.pick(this.#subscriptions.read);
    if (shards.length === 0) return 0;
    const { count } = this.#page;
    const epochs = new Map(shards.map((it) => [it, it.epoch]));
    const pages = await this.#calls.read(
      new Map(shards.map((it) => [it.key, it.cursor ?? FIRST_ID])),
      count,
    );
    this.#page.worked();
    let news = 0;
    let full = this.#page.leftOver;
    for (const shard of shards) {
      const { entries } = pages.find(({ key }) => key === shard.key) ??
        { entries: [] };
      const epoch = epochs.get(shard) ?? -1;
      news += shard.take(entries, epoch);
      const more = entries.length >= count;
      full ||= more;
      if (shard.epoch === epoch) await this.#prove(shard, more);
    }
    return full ? 0 : this.#nextWait(news > 0);
  }

  #nextWait(news: boolean): number {
    const { minIntervalMs, maxIntervalMs, factor } = this.#settings;
    if (this.#wakes?.listening) {
      if (this.#safety && news) this.#wakes.renew(); // it had to be told of these
      if (!this.#wakes.expecting()) {
        this.#safety = true;
        this.#interval = minIntervalMs;
        return SAFETY_MS;
      }
    }
    const wait = news ? minIntervalMs : this.#interval;
    this.#interval = Math.min(maxIntervalMs, wait * factor);
    return wait;
  }

  /**
   * Finds out whether entries were trimmed before they were read. Fewer than a stream keeps since all was read: none.
   * Otherwise the one where all was read must still be there, since the oldest go first; asked when half as many as a
   * stream keeps were read, so that what is trimmed behind the reader is no false alarm. Where the stream was empty
   * there is none to ask for.
   */
  async #prove(shard: Shard, more: boolean): Promise<void> {
    const { streamLength } = this.#settings;
    const early = more && shard.provenAt !== FIRST_ID;
    const many = shard.unproven >=
      (early ? streamLength / 2 : streamLength - 1); // Upstash may keep one fewer than it is told to
    if (more && !many) return;
    if (many) {
      const { provenAt, epoch } = shard;
      const there = await this.#calls.nextId(shard.key, provenAt)
        .catch(() => undefined); // without a script nobody knows
      if (shard.epoch !== epoch) return;
      if (there !== provenAt) this.#host.gap(shard, "trimmed");
    }
    shard.prove();
  }

  #failed(failure: UpstashFailure, started: number): number {
    if (failure.kind === "too-large") {
      if (this.#page.shrink()) return 0;
      void this.#skip();
    }
    this.#health.failed(failure, started);
    const { minIntervalMs, maxIntervalMs } = this.#settings;
    this.#interval = minIntervalMs;
    const maxMs = RETRY_MOST * maxIntervalMs;
    const attempt = this.#failures++;
    return failure.kind === "permanent"
      ? maxMs * (1 + Math.random()) / 2
      : RETRY_AT_LEAST_MS +
        backoffDelay(attempt, { baseMs: RETRY_BASE_MS, maxMs, factor: 2 });
  }

  /** Goes past an entry that is too large to be read by itself: nobody can have it, and all after it can be had. */
  async #skip(): Promise<void> {
    const [shard] = this.#page.picked;
    if (shard?.cursor === undefined) return;
    const { cursor, epoch } = shard;
    try {
      const [ms = "", seq = ""] = cursor.split("-");
      const next = await this.#calls.nextId(
        shard.key,
        `${ms}-${BigInt(seq) + 1n}`,
      );
      if (next === undefined || shard.epoch !== epoch) return;
      if (compareIds(idBefore(next), cursor) < 0) return;
      shard.skipTo(next);
      this.#host.gap(shard, "unreadable");
    } catch {
      // It is tried again with the next failure.
    }
  }
}
