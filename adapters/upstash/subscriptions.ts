/**
 * The subscribers, and the exact start of each subscription.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import { createDeferred } from "../../src/shared/deferred.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import {
  compareIds,
  idBefore,
  shardKey,
  shardOf,
  SHARDS,
} from "../shared/streams.ts";
import { unavailable } from "../shared/timing.ts";
import type { Calls } from "./calls.ts";
import { UpstashFailure } from "./failure.ts";
import type { Health } from "./health.ts";
import {
  type Listening,
  Shard,
  type ShardHost,
  type ShardPosition,
} from "./shard.ts";

/** How often to ask for the start before a subscribe is given up, and for how many request time limits. */
const TRIES = 7;
const PATIENCE = 3;
const RETRY = { baseMs: 100, maxMs: 1_000, factor: 2 };

/** Receives what subscriptions find. */
export interface SubscriptionsHost extends ShardHost {
  /** There is something to read now. */
  live(): void;
  /** A stream's ids went back: entries in between may be missing. */
  wentBack(shard: Shard): void;
}

/**
 * The subscribers of all streams.
 *
 * A new subscriber waits for its stream's last id, T, which one script reads for all new subscribers of a turn. What
 * was published before that call has an id of at most T; what is published after it resolves has a larger one: ids in a
 * stream only grow, and no clock is read.
 */
export class Subscriptions {
  readonly shards: readonly Shard[];
  readonly #calls: Calls;
  readonly #health: Health;
  readonly #host: SubscriptionsHost;
  #new: Listening[] = [];
  #running: Promise<void> | undefined;
  /** Subscribers have no start before the position of the rest is known. */
  #restored: Promise<void> | undefined;
  #closed = false;
  /** Aborts when the adapter closes. */
  readonly #ending = new AbortController();

  constructor(
    prefix: string,
    instance: string,
    calls: Calls,
    health: Health,
    host: SubscriptionsHost,
  ) {
    this.shards = Array.from(
      { length: SHARDS },
      (_, at) => new Shard(shardKey(prefix, at), instance, host),
    );
    this.#calls = calls;
    this.#health = health;
    this.#host = host;
  }

  /** The streams that are read. */
  get read(): Shard[] {
    return this.shards.filter((it) => it.cursor !== undefined);
  }

  /** See `Adapter.subscribe`. */
  subscribe(channel: string): Promise<void> {
    const shard = this.shardOf(channel);
    const known = shard.listening.get(channel);
    if (known) return known.promise;
    const it = listening(channel);
    shard.listening.set(channel, it);
    this.#new.push(it);
    this.#running ??= Promise.resolve().then(this.#run);
    return it.promise;
  }

  /** Settles when no subscription waits for its start. */
  get settled(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** The position of each stream that is read, by its key. */
  get positions(): Record<string, ShardPosition> {
    return Object.fromEntries(
      this.shards.flatMap(({ key, position }) =>
        position ? [[key, position]] : []
      ),
    );
  }

  /** Continues from positions, for channels that are subscribed before they arrive. */
  restore(
    positions: Promise<Readonly<Record<string, ShardPosition>>>,
  ): Promise<void> {
    return this.#restored = positions.then((known) => {
      for (const shard of this.shards) {
        const position = known[shard.key]; // missing if the namespace has changed
        if (position) shard.restore(position);
      }
      this.#new = this.#new.filter(({ from }) => from === undefined);
    });
  }

  /** See `Adapter.unsubscribe`: nothing more comes at once. */
  unsubscribe(channel: string): void {
    const shard = this.shardOf(channel);
    const it = shard.listening.get(channel);
    if (!it) return;
    shard.listening.delete(channel);
    shard.leaveIfSilent();
    it.reject(refusal(channel, "it was unsubscribed in the meantime"));
  }

  /**
   * Checks whether ids went back, as they do when a stream was recreated by a server whose clock is behind.
   *
   * @throws {UpstashFailure}
   */
  async check(): Promise<void> {
    const shards = this.read;
    if (shards.length > 0) await this.#ask(shards);
  }

  /** Takes the id of an entry of this node. It cannot be before the read position at the time when it was sent. */
  wrote(
    shard: Shard,
    id: string,
    cursor: string | undefined,
    epoch: number,
  ): void {
    if (cursor === undefined || shard.epoch !== epoch) return;
    if (compareIds(id, cursor) <= 0) this.#goBack(shard, idBefore(id));
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#closed = true;
    this.#ending.abort();
    for (const shard of this.shards) {
      for (const { channel } of [...shard.listening.values()]) {
        this.unsubscribe(channel);
      }
    }
  }

  /** Returns the stream of a channel. */
  shardOf(channel: string): Shard {
    return this.shards[shardOf(channel)] as Shard; // there are as many
  }

  /** One request at a time: the reply to an older one is no start for a later subscription. */
  readonly #run = async (): Promise<void> => {
    await this.#restored;
    while (this.#new.length > 0 && !this.#closed) {
      const batch = this.#new.filter((it) => this.#isWanted(it));
      this.#new = [];
      const shards = new Set(batch.map((it) => this.shardOf(it.channel)));
      if (shards.size > 0) await this.#start(batch, [...shards]);
    }
    this.#running = undefined;
  };

  async #start(batch: readonly Listening[], shards: readonly Shard[]) {
    const began = performance.now();
    for (let tries = 1;; tries++) {
      const started = performance.now();
      try {
        const ids = await this.#ask(shards);
        this.#health.answered();
        for (const it of batch) {
          if (!this.#isWanted(it)) continue;
          const shard = this.shardOf(it.channel);
          const last = ids.get(shard) ?? "";
          if (shard.cursor === undefined) shard.startAt(last);
          shard.goLive(it, last);
        }
        return this.#host.live();
      } catch (error) {
        const failure = UpstashFailure.of(error);
        if (!this.#closed) this.#health.failed(failure, started);
        const over = tries >= TRIES || failure.kind === "permanent" ||
          performance.now() - began > PATIENCE * this.#calls.timeoutMs;
        if (over || this.#closed) {
          return this.#rejectAll(batch, failure);
        }
        await delay(backoffDelay(tries, RETRY), {
          signal: this.#ending.signal,
        });
      }
    }
  }

  /** Reads the last ids; goes back where an id is before the read position at the time of the request. */
  async #ask(shards: readonly Shard[]): Promise<Map<Shard, string>> {
    const before = shards.map(({ cursor, epoch }) => ({ cursor, epoch }));
    const ids = await this.#calls.lastIds(shards.map((it) => it.key));
    return new Map(shards.map((shard, at) => {
      const id = ids[at] ?? "";
      const { cursor, epoch } = before[at] ?? { epoch: -1 };
      const same = cursor !== undefined && shard.epoch === epoch;
      if (same && this.#calls.exact && compareIds(id, cursor) < 0) {
        this.#goBack(shard, id);
      }
      return [shard, id];
    }));
  }

  #goBack(shard: Shard, id: string): void {
    shard.startAt(id);
    this.#host.wentBack(shard);
  }

  #rejectAll(batch: readonly Listening[], failure: UpstashFailure): void {
    for (const it of batch) {
      if (!this.#isWanted(it)) continue;
      const shard = this.shardOf(it.channel);
      shard.listening.delete(it.channel);
      shard.leaveIfSilent();
      it.reject(refusal(it.channel, failure.message, failure));
    }
  }

  #isWanted(it: Listening): boolean {
    return this.shardOf(it.channel).listening.get(it.channel) === it;
  }
}

function listening(channel: string): Listening {
  return { channel, from: undefined, early: [], ...createDeferred() };
}

function refusal(channel: string, why: string, cause?: unknown) {
  return unavailable(
    `Cannot subscribe to ${JSON.stringify(channel)}: ${why}`,
    cause,
  );
}
