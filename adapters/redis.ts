/**
 * The adapter for several nodes and one Redis, over TCP.
 *
 * @example A server whose rooms and topics span all nodes
 * ```ts
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { createRedisAdapter } from "@super-line/edge/adapters/redis";
 *
 * const api = defineContract({ roles: { user: {} } });
 * const srv = createSocketServer(api, {
 *   adapter: createRedisAdapter("redis://localhost:6379"),
 *   authenticate: () => ({ role: "user" as const }),
 * });
 * await srv.close();
 * ```
 *
 * @module
 */
import type { Adapter, AdapterHost } from "../src/adapter.ts";
import type { RedisClientLike } from "./redis/client_like.ts";
import { Link, type LinkHost, type LinkSettings } from "./redis/link.ts";
import { Pairs, type Source } from "./redis/pair.ts";
import { Shards } from "./redis/shards.ts";
import { broughtSource } from "./redis/brought.ts";
import { ownClient } from "./redis/own.ts";
import { unavailable } from "./shared/timing.ts";

export type {
  BunRedisLike,
  IoRedisLike,
  IoRedisPipelineLike,
  NodeRedisLike,
  RedisClientLike,
} from "./redis/client_like.ts";

/** What {@linkcode createRedisAdapter} takes. One of `url`, `client`, or `publisher` and `subscriber`. */
export interface RedisAdapterOptions {
  /** Where Redis is: `redis://` or `rediss://`, with user, password and database if need be. */
  readonly url?: string;
  /** A connected client. The adapter publishes through it and subscribes through a duplicate, which it ends. */
  readonly client?: RedisClientLike;
  /** A connected client to publish through. */
  readonly publisher?: RedisClientLike;
  /** A connected client to subscribe through. */
  readonly subscriber?: RedisClientLike;
  /**
   * What the application's channels start with on Redis. Two applications on one Redis need two: publish and
   * subscribe ignore the database's number.
   *
   * @default {"super-line"}
   */
  readonly namespace?: string;
  /**
   * Publishes with SPUBLISH and subscribes with SSUBSCRIBE, which spreads the channels over the nodes of a Redis
   * Cluster. Needs Redis 7. Best with a `url`, of any of the cluster's servers: then each has connections of its own,
   * and one that is away is told. A cluster client of yours tells that only of some.
   *
   * @default {false}
   */
  readonly sharded?: boolean;
  /**
   * How long Redis may take to answer, in milliseconds, from 100. A Redis that is silent for one and a half times as
   * long is given up and dialled again. An idle node publishes to itself twice in it.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
  /**
   * How many characters of publishes may wait for Redis' confirmation; what goes beyond is dropped and counted.
   *
   * @default {33554432}
   */
  readonly maxPendingLength?: number;
}

/**
 * Creates the adapter that carries publishes over a Redis server, with the package `redis`, which must be installed,
 * or a client of yours.
 *
 * One connection publishes, one subscribes. A node subscribes to the channels that it has members for; each batch of
 * messages is one PUBLISH, and those of one turn leave together. While Redis is away publishes to other nodes are
 * dropped and counted, and subscriptions made wait for it; it is dialled with back-off and jitter for ever.
 *
 * @param options A URL, or the options
 * @returns The adapter, for one server
 * @throws {TypeError} When an option is wrong or a client is none that is known
 *
 * @example With a client that the application has
 * ```ts ignore
 * import { createClient } from "redis";
 * import { createRedisAdapter } from "@super-line/edge/adapters/redis";
 *
 * const client = await createClient().on("error", console.error).connect();
 * const adapter = createRedisAdapter({ client, namespace: "shop" });
 * ```
 */
export function createRedisAdapter(
  options: string | RedisAdapterOptions,
): Adapter {
  return new RedisAdapter(
    typeof options === "string" ? { url: options } : options,
  );
}

class RedisAdapter implements Adapter {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly #create: CreateCarrier;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #maxPending: number;
  #host: AdapterHost | undefined;
  #carrier: Link | Shards | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RedisAdapterOptions) {
    const { namespace = "super-line", timeoutMs = 5_000 } = options;
    if (!(namespace.length > 0 && namespace.isWellFormed())) {
      throw refused("namespace", namespace, "a text that is not empty");
    }
    if (!(timeoutMs >= 100 && timeoutMs <= 3_600_000)) {
      throw refused("timeoutMs", timeoutMs, "from 100 to 3600000");
    }
    const { maxPendingLength = 33_554_432 } = options;
    if (!(maxPendingLength >= 0)) {
      throw refused("maxPendingLength", maxPendingLength, "0 or more");
    }
    this.#prefix = encodeURIComponent(namespace);
    this.#timeoutMs = timeoutMs;
    this.#maxPending = maxPendingLength;
    this.#create = chooseCarrier(options, timeoutMs);
  }

  open(host: AdapterHost): void {
    if (this.#host) {
      throw new TypeError(
        "Cannot open the Redis adapter: it is open already, must be given to one server",
      );
    }
    this.#host = host;
    const start = `${this.#prefix}:`.length;
    this.#carrier = this.#create({
      message: (channel, payload) =>
        host.message(channel.slice(start), payload),
      status: (status, cause) => host.status(status, cause),
      dropped: (channel, count) => host.dropped(channel.slice(start), count),
      error: (error) => host.error(error),
    }, {
      timeoutMs: this.#timeoutMs,
      maxPending: this.#maxPending,
      probe: `${this.#prefix}@${host.nodeId}`, // no channel's name: none has an @ before the first colon
    });
    this.#carrier.open();
  }

  subscribe(channel: string): Promise<void> {
    return this.#carrier?.subscribe(this.#name(channel)) ??
      Promise.reject(
        unavailable(
          `Cannot subscribe to ${
            JSON.stringify(channel)
          }: the adapter is not open`,
        ),
      );
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#carrier?.unsubscribe(this.#name(channel)) ?? Promise.resolve();
  }

  publish(channel: string, payload: string): void {
    this.#carrier?.publish(this.#name(channel), payload);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#carrier?.close() ?? Promise.resolve();
  }

  #name(channel: string): string {
    return `${this.#prefix}:${channel}`;
  }
}

type CreateCarrier = (host: LinkHost, settings: LinkSettings) => Link | Shards;

function chooseCarrier(
  { url, client, publisher, subscriber, sharded = false }: RedisAdapterOptions,
  timeoutMs: number,
): CreateCarrier {
  const ways = [url, client, publisher ?? subscriber];
  if (ways.filter((it) => it !== undefined).length !== 1) {
    throw new TypeError(
      "Cannot create the Redis adapter: it needs one of url, client, or publisher and subscriber",
    );
  }
  if (url !== undefined) {
    if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
      // Not quoted: it may hold a password.
      throw new TypeError(
        "Cannot create the Redis adapter: url must start with redis:// or rediss://",
      );
    }
    if (sharded) return (...given) => new Shards(url, ...given);
    const own = ownClient({ url, timeoutMs, sharded });
    return single({
      publisher: own,
      subscriber: own,
      owns: { publisher: true, subscriber: true },
    });
  }
  if (client) return single(broughtSource(client, undefined, sharded));
  if (publisher && subscriber && publisher !== subscriber) {
    return single(broughtSource(publisher, subscriber, sharded));
  }
  throw new TypeError(
    "Cannot create the Redis adapter: publisher and subscriber must be two clients",
  );
}

function single(source: Source): CreateCarrier {
  return (...given) => new Link(new Pairs(source), ...given);
}

function refused(name: string, value: unknown, rule: string): TypeError {
  return new TypeError(
    `Cannot create the Redis adapter: ${name} is ${
      JSON.stringify(value)
    }, must be ${rule}`,
  );
}
