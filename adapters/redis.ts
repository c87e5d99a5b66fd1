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
import { isWellFormed } from "../src/shared/well_formed.ts";
import { checkKeys } from "../src/contract/check_options.ts";
import type { Adapter, AdapterHost } from "../src/seams/adapter.ts";
import type { LogStore } from "../src/seams/log.ts";
import type { PresenceStore } from "../src/seams/presence_store.ts";
import type { RedisClientLike } from "./redis/client_like.ts";
import { Bridge } from "./redis/bridge.ts";
import { Link, type LinkHost, type LinkSettings } from "./redis/link.ts";
import { type ClientSource, Connections } from "./redis/connections.ts";
import { Shards } from "./redis/shards.ts";
import { userClientSource } from "./redis/user_client.ts";
import { managedClient } from "./redis/managed_client.ts";
import { escape, isPush, parsePush, unescape } from "./redis/log_format.ts";
import type { LogSettings } from "./redis/log_appends.ts";
import { BrokenLogs } from "./shared/broken_logs.ts";
import { redisPresence } from "./shared/presence.ts";
import { unavailable } from "./shared/timing.ts";

export type {
  BunRedisLike,
  IoRedisLike,
  IoRedisPipelineLike,
  NodeRedisLike,
  RedisClientLike,
} from "./redis/client_like.ts";

/** Options of {@linkcode createRedisAdapter}. Pass one of `url`, `client`, or `publisher` and `subscriber`. */
export interface RedisAdapterOptions {
  /**
   * The URL of Redis: `redis://user:password@host:6379`, or `rediss://` for TLS. User and password are percent-encoded
   * and optional. The database number has no effect, since publishes ignore it.
   */
  readonly url?: string;
  /**
   * A client of the package `redis` or `ioredis`, or Bun's built-in one, connected or connecting. The adapter publishes
   * through it, subscribes through a duplicate, and closes only the duplicate. The application configures how the
   * client reconnects and handles its `error` events.
   */
  readonly client?: RedisClientLike;
  /** A client to publish through, together with `subscriber`. The adapter does not close it. */
  readonly publisher?: RedisClientLike;
  /**
   * Another client to subscribe through. Do not use it for anything else while the server runs. The adapter does not
   * close it, and leaves no subscription of its own on it. For Bun's built-in client the adapter uses a duplicate
   * nevertheless.
   */
  readonly subscriber?: RedisClientLike;
  /**
   * The prefix of the application's channels in Redis, percent-encoded: not empty, well-formed Unicode. Two
   * applications on one Redis need different namespaces, since pub/sub ignores the database number. A Redis ACL user
   * needs the channels `NAMESPACE:*`, and `NAMESPACE@*` for the probes that a node publishes to itself; with the server
   * option `presence` also the command EVAL and the keys `{NAMESPACE@presence}:*`; with kept topics also the commands EVAL,
   * EVALSHA, SCRIPT LOAD, INFO and TIME, those of streams and the keys `{NAMESPACE:*` and `NAMESPACE:*`.
   *
   * @default {"super-line"}
   */
  readonly namespace?: string;
  /**
   * Publishes with SPUBLISH and subscribes with SSUBSCRIBE, which spreads the channels over the nodes of a Redis
   * Cluster. Needs Redis 7. Use it with a `url` of any server of the cluster: the adapter then connects to each server,
   * and reports when one is unreachable. A cluster client that you pass does not report every outage.
   *
   * @default {false}
   */
  readonly sharded?: boolean;
  /**
   * Writes each payload to streams too, for nodes that have no TCP and use the Upstash adapter with the same option on
   * the same database. All nodes of such a cluster need it. Cannot be combined with `sharded`.
   *
   * @default {false}
   */
  readonly bridge?: boolean;
  /** Notifies the nodes without TCP of new entries. Set it to the same value as on those nodes. Needs `bridge`. */
  readonly wake?: "sse";
  /**
   * How long Redis may take to answer, in milliseconds, from 100 to 3 600 000. After a silence of one and a half times
   * as long the adapter reconnects. An idle node publishes to itself twice in that time.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
  /**
   * How many characters of publishes may be unconfirmed, plus 128 for each publish; 0 or more. Publishes that do not
   * fit are dropped and counted in `stats().relay.dropped`; a single one always fits.
   *
   * @default {33554432}
   */
  readonly maxPendingLength?: number;
}

/**
 * Creates the adapter that carries messages between nodes over a Redis server. It needs the package `redis`, or a
 * client of yours.
 *
 * One connection publishes, one subscribes. A node subscribes to the channels that it has members for. Each batch of
 * messages is one PUBLISH, and the publishes of one turn leave together. The largest payload is 1 MiB plus 8 KiB.
 *
 * The adapter connects in the background when it is passed to a server. If Redis is unreachable or the package is
 * missing, `srv.status()` is `down` and `onError` receives the cause with the source `adapter`. While Redis is down,
 * publishes to other nodes are dropped and counted; publishes before the first connection wait for it. Subscriptions
 * made meanwhile resolve with `{ live: false }` at once; direct callers of the adapter get `UNAVAILABLE`. The adapter
 * reconnects forever, after 50 ms plus a random time of up to 5 s, and reports `up` when every subscription is live
 * again. `srv.close()` waits at most two seconds to connect, two for unconfirmed publishes, and one for a client of
 * yours.
 *
 * @param options A URL, or the options
 * @returns The adapter, for one server
 * @throws {TypeError} If there is not exactly one of `url`, `client`, or `publisher` and `subscriber`; if an option is
 * out of its bounds; if a client is of an unsupported type, or is Bun's built-in one with `sharded`
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
  if (typeof options === "string") return new RedisAdapter({ url: options });
  if (options === undefined || options === null) {
    throw new TypeError(
      `Cannot create the Redis adapter: its URL is ${options}, must be one such as "redis://localhost:6379", or options`,
    );
  }
  checkKeys("create the Redis adapter", "option", options, OPTIONS);
  return new RedisAdapter(options);
}

const OPTIONS =
  "url client publisher subscriber namespace sharded bridge wake timeoutMs maxPendingLength";

class RedisAdapter implements Adapter {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly presence: PresenceStore;
  readonly log?: LogStore;
  readonly #logs: LogSettings;
  readonly #create: CreateCarrier;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #maxPending: number;
  #host: AdapterHost | undefined;
  #carrier: Link | Shards | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RedisAdapterOptions) {
    const { namespace = "super-line", timeoutMs = 5_000 } = options;
    if (!(namespace.length > 0 && isWellFormed(namespace))) {
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
    const instance = crypto.randomUUID().slice(-12);
    let tags = 0;
    this.#logs = {
      broken: new BrokenLogs(),
      tag: () => `${instance}-${(tags++).toString(36)}`,
      sharded: options.sharded ?? false,
    };
    // Nodes without TCP would not hear what is appended.
    if (!options.bridge) this.log = this.#log();
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
      message: (channel, payload) => {
        if (!isPush(payload)) {
          return host.message(channel.slice(start), unescape(payload));
        }
        const entries = parsePush(payload);
        if (entries) host.appended(channel.slice(start), entries);
        else host.lost([channel.slice(start)]);
      },
      status: (status, cause) => {
        host.status(status, cause);
        if (status === "up") host.lost();
      },
      dropped: (channel, count) => host.dropped(channel.slice(start), count),
      error: (error) => host.error(error),
    }, {
      timeoutMs: this.#timeoutMs,
      maxPending: this.#maxPending,
      logs: this.#logs,
      probe: `${this.#prefix}@${host.nodeId}`, // no application channel can have this name: none has an @ before the first colon
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
    this.#carrier?.publish(this.#name(channel), escape(payload));
  }

  close(): Promise<void> {
    return this.#closed ??= this.#carrier?.close() ?? Promise.resolve();
  }

  #log(): LogStore {
    return {
      append: async (channel, payload, options) =>
        await this.#carrier?.append(this.#name(channel), payload, options) ??
          {
            kept: false,
            cause: unavailable("Cannot append: the adapter is not open"),
          },
      read: (channel, after, limit) =>
        this.#carrier?.read(this.#name(channel), after, limit) ??
          Promise.reject(
            unavailable("Cannot read a log: the adapter is not open"),
          ),
    };
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
      // The URL is not quoted: it may hold a password.
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
    unavailable(
      "Cannot use the presence store: the adapter is not open, must be passed to a server first",
    ),
  );
}

function refused(name: string, value: unknown, rule: string): TypeError {
  return new TypeError(
    `Cannot create the Redis adapter: ${name} is ${
      JSON.stringify(value)
    }, must be ${rule}`,
  );
}
