/**
 * An open adapter: wires its parts together.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import type { AdapterHost } from "../../src/seams/adapter.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import { unavailable } from "../shared/timing.ts";
import { Calls, shapeless } from "./calls.ts";
import type { MakeClient } from "./types.ts";
import { UpstashFailure } from "./failure.ts";
import { Health } from "./health.ts";
import { PageSize } from "./page_size.ts";
import { type GapReason, Poller, type PollerSettings } from "./poller.ts";
import { Publisher, type PublisherSettings } from "./publisher.ts";
import type { Shard, ShardPosition } from "./shard.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Wakes } from "./notifications.ts";

/** What the parts are created with. */
export interface NodeSettings
  extends
    Omit<PollerSettings, "probeKey">,
    Omit<PublisherSettings, "instance" | "wake"> {
  /** The settings for notifications, if they are on. */
  readonly wakes:
    | { readonly url: string; readonly token: string }
    | undefined;
  /** Called when messages may be missing. */
  readonly onGap:
    | ((gap: { reason: GapReason; channels: readonly string[] }) => void)
    | undefined;
}

/** What is saved during a rest. */
interface Position {
  readonly checkedAt: number;
  readonly positions: Readonly<Record<string, ShardPosition>>;
}

/** How often a script is tried, and the waits between tries. */
const TRIES = 6;
const RETRY = { baseMs: 20, maxMs: 500, factor: 3 };
/** How long `close` waits for queued publishes, in milliseconds. */
const CLOSE_MS = 2_000;

/** An adapter between `open` and `close`. */
export class UpstashNode {
  readonly #host: AdapterHost;
  readonly #settings: NodeSettings;
  readonly #calls: Calls;
  readonly #health: Health;
  readonly #subscriptions: Subscriptions;
  readonly #publisher: Publisher;
  readonly #poller: Poller;
  readonly #wakes: Wakes | undefined;
  #foreignReported = false;
  #closed = false;

  constructor(
    client: MakeClient,
    host: AdapterHost,
    settings: NodeSettings,
  ) {
    const { prefix, timeoutMs, streamLength, wakes } = settings;
    const instance = crypto.randomUUID().slice(-12);
    this.#host = host;
    this.#settings = settings;
    this.#calls = new Calls(client, timeoutMs, streamLength);
    const calls = this.#calls;
    const health = new Health({
      status: (status, cause) => {
        host.status(status, cause);
        if (status === "down") queueMicrotask(() => this.#poller.watch());
      },
      error: host.error.bind(host),
      found: () => this.#poller.retry(),
    }, timeoutMs);
    this.#health = health;
    this.#subscriptions = new Subscriptions(prefix, instance, calls, health, {
      message: host.message.bind(host),
      error: host.error.bind(host),
      foreign: (key, id) => this.#foreign(key, id),
      wentBack: (shard) => this.#gap(shard, "went-back"),
      live: () => {
        if (!this.#poller.paused) this.#wakes?.open();
        this.#poller.kick();
      },
    });
    const subscriptions = this.#subscriptions;
    this.#wakes = wakes && new Wakes(
      { ...wakes, prefix, instance, timeoutMs },
      subscriptions.shards,
      {
        needed: () => subscriptions.read.length > 0 && !this.#poller.paused,
        wake: () => this.#poller.kick(0),
        error: host.error.bind(host),
      },
    );
    this.#poller = new Poller(
      {
        subscriptions,
        calls,
        health,
        page: new PageSize(),
        wakes: this.#wakes,
      },
      { gap: (shard, reason) => this.#gap(shard, reason) },
      { ...settings, probeKey: `${prefix}:probe` },
    );
    this.#publisher = new Publisher({ calls, health, subscriptions }, host, {
      ...settings,
      instance,
      wake: wakes !== undefined,
    });
  }

  /** See `Adapter.subscribe`. */
  subscribe(channel: string): Promise<void> {
    return this.#subscriptions.subscribe(channel);
  }

  /** See `Adapter.unsubscribe`. */
  unsubscribe(channel: string): void {
    this.#subscriptions.unsubscribe(channel);
  }

  /** See `Adapter.publish`. An answer is likely, so it is listened for. */
  publish(channel: string, payload: string): void {
    this.#publisher.add(channel, payload);
    const shard = this.#subscriptions.shardOf(channel);
    if (shard.cursor !== undefined && !this.#wakes?.listening) {
      this.#poller.kick();
    }
  }

  /**
   * Runs a script that may run twice, and returns a number or a list. Rejects with UNAVAILABLE when it may not have
   * run.
   */
  async evaluate(
    script: string,
    keys: string[],
    args: string[],
  ): Promise<unknown> {
    for (let tries = 1;; tries++) {
      if (this.#health.down) {
        throw unavailable(
          "Cannot use the presence store: the service is unreachable",
          this.#health.cause,
        );
      }
      try {
        const reply = await this.#calls.evaluate(script, keys, args);
        if (typeof reply === "number" || Array.isArray(reply)) return reply;
        throw shapeless("EVAL"); // another kind of reply may come from something that did not run the script
      } catch (error) {
        const cause = UpstashFailure.of(error);
        if (cause.kind !== "away" || tries >= TRIES || this.#closed) {
          throw unavailable("The presence store did not answer", cause);
        }
        await delay(backoffDelay(tries, RETRY));
      }
    }
  }

  /** See `AdapterRest.pause`. */
  async pause(): Promise<string | undefined> {
    const read = this.#poller.pause(); // first, since `resume` may be called while the rest is awaited
    this.#wakes?.renew(); // not needed during the rest, so it ends
    await Promise.all([read, this.#subscriptions.settled]);
    const { positions } = this.#subscriptions;
    if (Object.keys(positions).length === 0) return undefined;
    const { checkedAt } = this.#poller;
    return JSON.stringify({ checkedAt, positions } satisfies Position);
  }

  /** See `AdapterRest.resume`. */
  resume(): void {
    this.#poller.resume();
    if (this.#subscriptions.read.length > 0) this.#wakes?.open();
  }

  /** See `AdapterRest.restore`. */
  restore(position: Promise<string | undefined>): Promise<void> {
    return this.#subscriptions.restore(position.then((text) => {
      if (text === undefined) return {};
      const { checkedAt, positions } = JSON.parse(text) as Position; // `pause` wrote it
      this.#poller.checkedAt = checkedAt;
      this.#poller.paused = true;
      return positions;
    }));
  }

  /** See `Adapter.close`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#poller.close();
    this.#wakes?.close();
    this.#subscriptions.close();
    await this.#publisher.close(CLOSE_MS);
    this.#calls.close();
  }

  #gap(shard: Shard, reason: GapReason): void {
    const channels = [...shard.listening.keys()];
    const { onGap } = this.#settings;
    try {
      if (onGap) onGap({ reason, channels });
      else {
        this.#host.error(
          new Error(
            `Messages on ${channels.length} channels may be missing: ${
              REASONS[reason]
            }`,
          ),
        );
      }
    } catch (error) {
      this.#host.error(error);
    }
  }

  #foreign(key: string, id: string): void {
    if (this.#foreignReported) return;
    this.#foreignReported = true;
    this.#host.error(
      new TypeError(
        `Cannot read entry ${id} of ${key}: it was not written by an adapter; further ones are skipped`,
      ),
    );
  }
}

const REASONS: Readonly<Record<GapReason, string>> = {
  "trimmed": "they were trimmed before they were read",
  "went-back": "the stream was made anew, with lower ids",
  "unreadable": "an entry is too large to be read",
};
