/**
 * Polls the streams of subscribed channels: often while there is traffic, less and less often while there is none.
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

/** The settings of a poller. */
export interface PollerSettings {
  /** The wait while there is traffic, in milliseconds. */
  readonly minIntervalMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxIntervalMs: number;
  /** By what factor the wait grows after a read without news. */
  readonly factor: number;
  /** How many entries a stream keeps. */
  readonly streamLength: number;
  /** A key that does not exist, to check whether the service answers. */
  readonly probeKey: string;
  /** How long the ids of streams without news are trusted; half an hour by default. */
  readonly checkMs?: number;
  /** How often a read includes the last entry that was read, in milliseconds; 30 s by default. */
  readonly verifyMs?: number;
}

/** Why messages may be missing. */
export type GapReason = "trimmed" | "went-back" | "unreadable";

/** Receives what a poller finds. */
export interface PollerHost {
  /** Messages of a stream may be missing. */
  gap(shard: Shard, reason: GapReason): void;
}

/** The waits after failures. The fixed part prevents a hot loop. */
const RETRY_BASE_MS = 250;
const RETRY_AT_LEAST_MS = 20;
/** The longest of these waits, in multiples of the longest wait without news: 30 s by default. */
const RETRY_MOST = 6;
/** The wait while notifications arrive, in milliseconds. */
const SAFETY_MS = 60_000;
const CHECK_MS = 1_800_000;
/** A read from just before the last entry costs nothing, and returns that entry unless ids went back or it is gone. */
const VERIFY_MS = 30_000;

/** Makes one read at a time. Without subscriptions it reads only while the service is down, to detect that it is up. */
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
  /** When ids were last verified, by the wall clock, which a later life of the object shares. */
  checkedAt: number = Date.now();
  #verifiedAt = Date.now();
  #polling: Promise<number> | undefined;
  /** Whether to read again after the current read. */
  #again = false;
  /** Whether the next read is due to time alone, although notifications arrive. */
  #safety = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;
  #closed = false;
  /** Whether reads are paused. */
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

  /** News is likely: shortens the wait to that of traffic, or to nothing. */
  kick(delayMs: number = this.#settings.minIntervalMs): void {
    this.#interval = this.#settings.minIntervalMs;
    if (this.#failures > 0) return; // an earlier read is due already
    this.#again ||= this.#polling !== undefined && delayMs === 0;
    if (this.#polling) return;
    this.#safety = false;
    const due = performance.now() + delayMs;
    if (this.#timer === undefined || due < this.#due) this.#schedule(delayMs);
  }

  /** A request succeeded: checks at once whether the service is up again. */
  retry(): void {
    if (this.#failures > 0 && !this.#polling) this.#schedule(0);
  }

  /** Reads what there is, and then nothing until `resume`. */
  async pause(): Promise<void> {
    this.paused = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let wait = 0;
    while (wait === 0 && this.paused && this.#needed) {
      wait = await (this.#polling ?? this.#poll());
    }
  }

  /** Continues reading at once. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#failures = 0;
    this.kick(0);
  }

  /** A request failed elsewhere: while the service is down, somebody has to check when it is up. */
  watch(): void {
    if (this.#health.down && !this.#polling && this.#timer === undefined) {
      this.#schedule(RETRY_BASE_MS);
    }
  }

  /** Stops. */
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

  /** Runs reads; returns the wait until the next one. */
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

  /** An outage may have been a change of leaders: then positions must be verified too. */
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

  /** Reads once, and returns the wait until the next read. */
  async #read(): Promise<number> {
    const { checkMs = CHECK_MS, verifyMs = VERIFY_MS } = this.#settings;
    if (Date.now() - this.checkedAt > checkMs) await this.#check();
    const shards = this.#page.pick(this.#subscriptions.read);
    if (shards.length === 0) return 0;
    const { count } = this.#page;
    const epochs = new Map(shards.map((it) => [it, it.epoch]));
    const verifies = Date.now() - this.#verifiedAt > verifyMs;
    const from = new Map(shards.map((it) => [it, it.cursor ?? FIRST_ID]));
    const pages = await this.#calls.read(
      new Map(
        [...from].map(([it, id]) =>
          [it.key, verifies && id !== FIRST_ID ? idBefore(id) : id] as const
        ),
      ),
      count,
    );
    this.#page.worked();
    if (verifies) {
      this.#verifiedAt = Date.now();
      const isThere = ([{ key }, id]: [Shard, string]) =>
        id === FIRST_ID ||
        pages.some((it) => it.key === key && it.entries[0]?.[0] === id);
      if (![...from].every(isThere)) {
        await this.#check();
        return 0;
      }
    }
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
      if (this.#safety && news) this.#wakes.renew(); // notifications should have announced these
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
   * Detects entries that were trimmed before they were read. If fewer entries were added than a stream keeps since
   * everything was read, none were. Otherwise the entry at the position where everything was read must still exist,
   * since the oldest are trimmed first. The check runs when half as many entries as a stream keeps were read, so that
   * trimming behind the reader is no false alarm. If the stream was empty there is no entry to check.
   */
  async #prove(shard: Shard, more: boolean): Promise<void> {
    const { streamLength } = this.#settings;
    const early = more && shard.provenAt !== FIRST_ID;
    const many = shard.unproven >=
      (early ? streamLength / 2 : streamLength - 1); // Upstash may keep one fewer than configured
    if (more && !many) return;
    if (many) {
      const { provenAt, epoch } = shard;
      const there = await this.#calls.nextId(shard.key, provenAt)
        .catch(() => undefined); // without scripts it cannot be known
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

  /** Skips an entry that is too large to be read: no reader can have it, but all after it can be read. */
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
      // tried again after the next failure
    }
  }
}
