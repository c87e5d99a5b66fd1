/**
 * Writes publishes in order: one request at a time with everything that is queued.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import type { AdapterHost } from "../../src/seams/adapter.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import {
  announce,
  RENEW_MS,
  shardOf,
  toFields,
  wakeChannel,
} from "../shared/streams.ts";
import { within } from "../shared/timing.ts";
import { addAbsent } from "./add_absent.ts";
import type { Calls, Write, Written } from "./calls.ts";
import { UpstashFailure } from "./failure.ts";
import type { Health } from "./health.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** The settings of a publisher. */
export interface PublisherSettings {
  readonly prefix: string;
  readonly instance: string;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How many characters of publishes may wait. */
  readonly maxPending: number;
  readonly streamLength: number;
  /** Whether nodes on TCP are notified too. */
  readonly bridge: boolean;
  /** Whether nodes that listen for notifications are notified. */
  readonly wake: boolean;
}

interface Publish {
  readonly channel: string;
  readonly payload: string;
  readonly shard: number;
  readonly size: number;
  readonly at: number;
  /** The same in every attempt: readers accept a number once, and none below one they accepted. */
  seq: number;
  /** Whether nodes on TCP were notified, or may have been. */
  told: boolean;
  /** Whether it may be stored without a confirmation. */
  unsure: boolean;
}

/** The cost of one publish beside its texts, in characters. */
const OVERHEAD = 128;
/** The largest request, in characters: JSON may take six bytes for one, and Upstash accepts 10 MB. */
const MAX_REQUEST_LENGTH = 1_400_000;
/** The most entries of one request: readers have to keep up, and streams are short. */
const MAX_REQUEST_PUBLISHES = 100;
/** For how many request time limits a publish is retried. */
const PATIENCE = 3;
const RETRY = { baseMs: 100, maxMs: 1_000, factor: 2 };
const RETRY_AT_LEAST_MS = 20;

/** A queue of publishes. */
export class Publisher {
  readonly #calls: Calls;
  readonly #health: Health;
  readonly #subscriptions: Subscriptions;
  readonly #host: Pick<AdapterHost, "dropped" | "error">;
  readonly #settings: PublisherSettings;
  readonly #renewed = new Map<number, number>();
  #queue: Publish[] = [];
  #pending = 0;
  #maxLength = MAX_REQUEST_LENGTH;
  /** Whether the token may run scripts. */
  #scripts = true;
  #seq = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Aborts when the adapter closes. */
  readonly #ending = new AbortController();
  #lastError = "";

  constructor(
    { calls, health, subscriptions }: {
      calls: Calls;
      health: Health;
      subscriptions: Subscriptions;
    },
    host: Pick<AdapterHost, "dropped" | "error">,
    settings: PublisherSettings,
  ) {
    this.#calls = calls;
    this.#health = health;
    this.#subscriptions = subscriptions;
    this.#host = host;
    this.#settings = settings;
  }

  /** See `Adapter.publish`. What is published in one turn leaves together. */
  add(channel: string, payload: string): void {
    const size = channel.length + payload.length + OVERHEAD;
    const fits = this.#pending === 0 ||
      this.#pending + size <= this.#settings.maxPending;
    if (!fits || this.#closed) return this.#host.dropped(channel, 1);
    this.#pending += size;
    this.#queue.push({
      channel,
      payload,
      shard: shardOf(channel),
      size,
      at: performance.now(),
      seq: ++this.#seq,
      told: false,
      unsure: false,
    });
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  /** Sends what is queued, for a while, and counts the rest as dropped. */
  async close(patienceMs: number): Promise<void> {
    const done = this.#running ?? Promise.resolve();
    await within(done, patienceMs, "No answer").catch(() => {}); // then the queued publishes are lost, and counted below
    this.#closed = true;
    this.#ending.abort();
    this.#drop(this.#queue.splice(0));
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#send(this.#next());
    this.#running = undefined;
  }

  #next(): Publish[] {
    let length = 0;
    let count = 0;
    for (const { size } of this.#queue) {
      length += size;
      const full = length > this.#maxLength ||
        count === MAX_REQUEST_PUBLISHES;
      if (full && count > 0) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #send(batch: Publish[]): Promise<void> {
    const began = performance.now();
    for (let tries = 0; batch.length > 0; tries++) {
      const started = performance.now();
      const failure = await this.#try(batch).then(
        (left) => void (batch = left),
        UpstashFailure.of,
      );
      if (!failure) {
        this.#health.answered();
        continue;
      }
      if (failure.kind === "away") {
        this.#health.failed(failure, started);
        for (const it of batch) it.unsure = true;
      }
      if (failure.kind === "too-large" && batch.length > 1) {
        const length = batch.reduce((sum, { size }) => sum + size, 0);
        this.#maxLength = length / 2; // a plan may allow less
        this.#queue.unshift(...batch.splice(batch.length >> 1));
        continue;
      }
      const oldest = performance.now() - PATIENCE * this.#settings.timeoutMs;
      const late = tries > 0 && began < oldest;
      if (late) this.#dropOlder(oldest);
      if (failure.kind !== "away" || late || this.#closed) {
        this.#drop(batch);
        return this.#report(failure);
      }
      await delay(RETRY_AT_LEAST_MS + backoffDelay(tries, RETRY), {
        signal: this.#ending.signal,
      });
    }
  }

  /** Makes one request. Returns the publishes that are worth a retry. */
  async #try(batch: readonly Publish[]): Promise<Publish[]> {
    const { shards } = this.#subscriptions;
    const before = shards.map(({ cursor, epoch }) => ({ cursor, epoch }));
    const written = batch.some(({ unsure }) => unsure) && this.#scripts
      ? await this.#writeAgain(batch)
      : await this.#write(batch);
    for (const [at, it] of batch.entries()) {
      const id = written[at];
      const shard = shards[it.shard];
      const was = before[it.shard];
      if (typeof id === "string" && shard && was) {
        this.#subscriptions.wrote(shard, id, was.cursor, was.epoch);
      }
    }
    return await this.#refused(batch, written);
  }

  async #write(batch: readonly Publish[]): Promise<Written[]> {
    const { instance } = this.#settings;
    const adds = batch.map((it): Write => {
      const fields = toFields({ ...it, instance });
      return { do: "add", key: this.#keyOf(it.shard), fields };
    });
    const now = performance.now();
    const due = [...new Set(batch.map(({ shard }) => shard))].filter((it) =>
      now - (this.#renewed.get(it) ?? -RENEW_MS) >= RENEW_MS
    );
    const written = await this.#calls.write([
      ...adds,
      ...due.map((it): Write => ({ do: "renew", key: this.#keyOf(it) })),
      ...this.#news(batch),
    ]);
    for (const shard of due) this.#renewed.set(shard, now);
    return written.slice(0, adds.length);
  }

  /** An entry that was stored, unconfirmed, and stored again could reach a node that subscribed in between. */
  async #writeAgain(batch: readonly Publish[]): Promise<Written[]> {
    const adds = batch.map((it) => ({ ...it, key: this.#keyOf(it.shard) }));
    let written: Written[];
    try {
      written = await addAbsent(this.#calls, adds, this.#settings);
    } catch (error) {
      if (!UpstashFailure.of(error).forbidden) throw error;
      this.#scripts = false;
      return await this.#write(batch);
    }
    const news = this.#news(batch);
    if (news.length > 0) await this.#calls.write(news);
    return written;
  }

  /** Notifies other nodes. */
  #news(batch: readonly Publish[]): Write[] {
    const { prefix, bridge, wake, instance } = this.#settings;
    const news: Write[] = [];
    for (const it of batch) {
      // Notified once: a repeated pub/sub message cannot be detected, a repeated entry can.
      if (!bridge || it.told) continue;
      it.told = true;
      const channel = `${prefix}:${it.channel}`;
      news.push({ do: "publish", channel, text: it.payload });
    }
    if (wake) {
      const last = new Map(batch.map(({ shard, seq }) => [shard, seq]));
      const text = announce(instance, last);
      news.push({ do: "publish", channel: wakeChannel(prefix), text });
    }
    return news;
  }

  #keyOf(shard: number): string {
    return this.#subscriptions.shards[shard]?.key ?? "";
  }

  /** Counts what the server refused; trims a stream that has become too large, and returns what may fit then. */
  async #refused(
    batch: readonly Publish[],
    written: readonly Written[],
  ): Promise<Publish[]> {
    const again: Publish[] = [];
    for (const [at, it] of batch.entries()) {
      const failure = written[at];
      if (!(failure instanceof UpstashFailure)) {
        this.#pending -= it.size;
        continue;
      }
      const later = batch.some((other, place) =>
        place > at && other.shard === it.shard &&
        typeof written[place] === "string"
      );
      if (failure.kind === "record-too-large" && !later && !this.#trimmed) {
        again.push(it);
      } else this.#drop([it]);
      this.#report(failure);
    }
    this.#trimmed = again.length > 0;
    if (again.length === 0) return again;
    const keys = new Set(
      again.map(({ shard }) => this.#keyOf(shard)),
    );
    const length = Math.floor(this.#settings.streamLength / 2);
    await this.#calls.write(
      [...keys].map((key) => ({ do: "trim", key, length })),
    );
    return again;
  }

  /** Whether the last request was followed by a trim: if that did not help, nothing will. */
  #trimmed = false;

  /** Drops what was queued behind a publish that was given up, for as long as that was tried. */
  #dropOlder(than: number): void {
    const young = this.#queue.findIndex((it) => it.at >= than);
    this.#drop(this.#queue.splice(0, young < 0 ? this.#queue.length : young));
  }

  #drop(batch: readonly Publish[]): void {
    const counts = new Map<string, number>();
    for (const { channel, size } of batch) {
      this.#pending -= size;
      counts.set(channel, (counts.get(channel) ?? 0) + 1);
    }
    for (const [channel, count] of counts) this.#host.dropped(channel, count);
  }

  #report(failure: UpstashFailure): void {
    if (failure.message === this.#lastError) return; // reported once for all that follow
    this.#lastError = failure.message;
    this.#host.error(
      new UpstashFailure(`Cannot publish: ${failure.message}`, failure.kind),
    );
  }
}
