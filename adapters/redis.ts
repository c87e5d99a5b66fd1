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
import type { Adapter, AdapterHost } from "../src/seams/adapter.ts";
import type { PresenceStore } from "../src/seams/presence_store.ts";
import type { RedisClientLike } from "./redis/client_like.ts";
import { Bridge } from "./redis/bridge.ts";
import { Link, type LinkHost, type LinkSettings } from "./redis/link.ts";
import { type ClientSource, Connections } from "./redis/connections.ts";
import { Shards } from "./redis/shards.ts";
import { userClientSource } from "./redis/user_client.ts";
import { managedClient } from "./redis/managed_client.ts";
import { redisPresence } from "./shared/presence.ts";
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
  /**
   * Where Redis is: `redis://user:password@host:6379`, or `rediss://` for TLS. User and password are percent-encoded
   * and may be left out. A database's number is of no consequence: publishes know no databases.
   */
  readonly url?: string;
  /**
   * A client of the packages `redis` or `ioredis`, or Bun's own, connected or connecting. The adapter publishes through
   * it and subscribes through a duplicate, and ends only the duplicate. How it reconnects, and who hears its `error`
   * events, is the application's matter.
   */
  readonly client?: RedisClientLike;
  /** A client to publish through, with `subscriber`. The adapter does not end it. */
  readonly publisher?: RedisClientLike;
  /**
   * Another client to subscribe through, which has no other use while the server lives. The adapter does not end it,
   * and leaves no channel of its own on it. Of Bun's own it takes a duplicate all the same.
   */
  readonly subscriber?: RedisClientLike;
  /**
   * What the application's channels start with on Redis, percent-encoded: not empty, well-formed Unicode. Two
   * applications on one Redis need two, since publish and subscribe ignore the database's number. A user of Redis' ACL
   * needs the channels `NAMESPACE:*`, and `NAMESPACE@*` for what a node publishes to itself; with the server's option
   * `presence` the command EVAL and the keys `{NAMESPACE@presence}:*` too.
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
   * Writes each payload to streams too, for nodes that have no TCP: those have the Upstash adapter with the same option
   * on the same database. All nodes of such a cluster need it. Not with `sharded`.
   *
   * @default {false}
   */
  readonly bridge?: boolean;
  /** As the nodes without TCP have it: they are told that there is something to read. Needs `bridge`. */
  readonly wake?: "sse";
  /**
   * How long Redis may take to answer, in milliseconds, from 100 to 3 600 000. A Redis that is silent for one and a half times as
   * long is given up and dialled again. An idle node publishes to itself twice in it.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
  /**
   * How many characters of publishes may wait for Redis' confirmation, 128 for each added, from 0. What goes beyond is
   * dropped and counted in `stats().relay.dropped`; one alone always fits.
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
 * messages is one PUBLISH, and those of one turn leave together. It carries payloads of up to 1 MiB and 8 KiB.
 *
 * It dials when it is given to a server, in the background, so neither a Redis that is away nor the missing package
 * fails here: `srv.status()` is then `down`, and `onError` told why, with the source `adapter`. While Redis is away
 * publishes to other nodes are dropped and counted; those before the first connection wait for it. What is subscribed
 * to meanwhile is `{ live: false }` at once, or `UNAVAILABLE` to those who call the adapter themselves. It is dialled
 * for ever, after 50 ms and a random time of up to 5 s, and every subscription is live again before the state is `up`.
 * `srv.close()` waits at most two seconds to connect, two for what was published, and one for a client of yours.
 *
 * @param options A URL, or the options
 * @returns The adapter, for one server
 * @throws {TypeError} When there is not one of `url`, `client`, or `publisher` and `subscriber`; an option is out of
 * its bounds; a client is none that is known, or is Bun's own with `sharded`
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
  readonly presence: PresenceStore;
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
    this.presence = redisPresence(
      this.#prefix,
      () => this.#host?.nodeId ?? "",
      (...script) => this.#carrier?.evaluate(...script) ?? notOpen(),
    );
    this.#timeoutMs = timeoutMs;
    this.#maxPending = maxPendingLength;
    this.#create = chooseCarrier(
      options,
      timeoutMs,
      chooseBridge(options, this.#prefix),
    );
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
  bridge: Bridge | undefined,
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
    const create = managedClient({ url, timeoutMs, sharded });
    return single({
      publisher: create,
      subscriber: create,
      owns: { publisher: true, subscriber: true },
    }, bridge);
  }
  if (client) {
    return single(userClientSource(client, undefined, sharded), bridge);
  }
  if (publisher && subscriber && publisher !== subscriber) {
    return single(userClientSource(publisher, subscriber, sharded), bridge);
  }
  throw new TypeError(
    "Cannot create the Redis adapter: publisher and subscriber must be two clients",
  );
}

function single(
  source: ClientSource,
  bridge: Bridge | undefined,
): CreateCarrier {
  return (...given) => new Link(new Connections(source, bridge), ...given);
}

function chooseBridge(
  { bridge = false, wake, sharded = false }: RedisAdapterOptions,
  prefix: string,
): Bridge | undefined {
  if (wake !== undefined && !(bridge && wake === "sse")) {
    throw refused("wake", wake, '"sse", with bridge, or left out');
  }
  if (bridge && sharded) {
    throw new TypeError(
      "Cannot create the Redis adapter: bridge and sharded are both true, must be one of them",
    );
  }
  return bridge ? new Bridge(prefix, wake === "sse") : undefined;
}

function notOpen(): Promise<never> {
  return Promise.reject(
    unavailable("Cannot reach the registry: the adapter is not open"),
  );
}

function refused(name: string, value: unknown, rule: string): TypeError {
  return new TypeError(
    `Cannot create the Redis adapter: ${name} is ${
      JSON.stringify(value)
    }, must be ${rule}`,
  );
}
