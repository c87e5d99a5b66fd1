/**
 * The adapter for several nodes and one Upstash Redis, over HTTP: for hosts that have no TCP.
 *
 * @example A server whose rooms and topics span all nodes
 * ```ts
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { createUpstashAdapter } from "@super-line/edge/adapters/upstash";
 *
 * const api = defineContract({ roles: { user: {} } });
 * const srv = createSocketServer(api, {
 *   adapter: createUpstashAdapter({ url: "https://eu1-example.upstash.io", token: "secret" }),
 *   authenticate: () => ({ role: "user" as const }),
 * });
 * await srv.close();
 * ```
 *
 * @module
 */
import { isWellFormed } from "../src/shared/well_formed.ts";
import { checkKeys } from "../src/contract/check_options.ts";
import type {
  Adapter,
  AdapterHost,
  AdapterRest,
} from "../src/seams/adapter.ts";
import { exceeds } from "../src/wire/bytes.ts";
import type { PresenceStore } from "../src/seams/presence_store.ts";
import { redisPresence } from "./shared/presence.ts";
import { STREAM_LENGTH } from "./shared/streams.ts";
import { unavailable } from "./shared/timing.ts";
import type { UpstashClientLike } from "./upstash/types.ts";
import { UpstashNode } from "./upstash/node.ts";
import { ownClient } from "./upstash/managed_client.ts";
import type { GapReason } from "./upstash/poller.ts";

export type {
  UpstashClientLike,
  UpstashPipelineLike,
} from "./upstash/types.ts";
export type { GapReason } from "./upstash/poller.ts";

/** Options of {@linkcode createUpstashAdapter}: `url` and `token`, or `client`. */
export interface UpstashAdapterOptions {
  /** The REST URL of the database, `https://…upstash.io`. */
  readonly url?: string;
  /** The REST token. A read-only token can subscribe but not publish. */
  readonly token?: string;
  /** A client of the package `@upstash/redis` with any settings, or an object of the same shape. */
  readonly client?: UpstashClientLike;
  /**
   * The prefix of the application's keys. Two applications on one database need different namespaces.
   *
   * @default {"super-line"}
   */
  readonly namespace?: string;
  /**
   * The wait between reads while there is traffic, in milliseconds, from 1.
   *
   * @default {100}
   */
  readonly minIntervalMs?: number;
  /**
   * The longest wait between reads, in milliseconds, from `minIntervalMs` to 60 000. It bounds the latency of the first
   * message after a quiet time, and determines the cost of idle nodes: 5 s are 720 commands an hour.
   *
   * @default {5000}
   */
  readonly maxIntervalMs?: number;
  /**
   * By what factor the wait grows after each read without news, from 1.1 to 10.
   *
   * @default {2}
   */
  readonly factor?: number;
  /**
   * `"sse"`: nodes notify each other of new entries, which costs one more command for each write; an idle node then
   * reads once a minute. All nodes of a cluster need it. Needs `url` and `token`, also beside a `client`.
   */
  readonly wake?: "sse";
  /**
   * Publishes to nodes on TCP too, whose Redis adapter has the same option. All nodes of such a cluster need it.
   *
   * @default {false}
   */
  readonly bridge?: boolean;
  /**
   * How long one request may take, in milliseconds, from 100. A publish is retried for three times as long.
   *
   * @default {10000}
   */
  readonly timeoutMs?: number;
  /**
   * How many characters of publishes may wait. Publishes that do not fit are dropped and counted.
   *
   * @default {33554432}
   */
  readonly maxPendingLength?: number;
  /**
   * Called when messages may be missing, at most once per read and stream: entries were trimmed before they were read,
   * a stream was recreated with lower ids, or an entry is too large to be read. Reported as an error if left out.
   */
  readonly onGap?: (gap: UpstashGap) => void;
}

/** Where messages may be missing, as passed to {@linkcode UpstashAdapterOptions.onGap}. */
export interface UpstashGap {
  /** Why messages may be missing. */
  readonly reason: GapReason;
  /** The channels of this node that may be affected. */
  readonly channels: readonly string[];
}

/**
 * Creates the adapter that carries messages between nodes over the REST API of Upstash Redis. It needs the package
 * `@upstash/redis`, or a client of yours.
 *
 * Payloads are kept in eight streams. A node reads the streams that it has members for with one command: often while
 * there is traffic, less and less often while there is none, and not at all without members. After an outage it reads
 * what was published meanwhile, as far as the streams reach back, about 2 000 entries each. Publishes are sent in
 * order, retried for a while, and then dropped and counted.
 *
 * @param options The database, and how often to read
 * @returns The adapter, for one server
 * @throws {TypeError} If an option is wrong
 *
 * @example With a client that the application has
 * ```ts ignore
 * import { Redis } from "@upstash/redis";
 * import { createUpstashAdapter } from "@super-line/edge/adapters/upstash";
 *
 * const adapter = createUpstashAdapter({ client: Redis.fromEnv(), namespace: "shop" });
 * ```
 */
export function createUpstashAdapter(options: UpstashAdapterOptions): Adapter {
  checkKeys("create the Upstash adapter", "option", options, OPTIONS);
  return new UpstashAdapter(options);
}

const OPTIONS =
  "url token client namespace minIntervalMs maxIntervalMs factor wake bridge timeoutMs maxPendingLength onGap";

class UpstashAdapter implements Adapter {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly metered = true;
  readonly presence: PresenceStore;
  readonly rest: AdapterRest = {
    pause: () => this.#node?.pause() ?? Promise.resolve(undefined),
    resume: () => this.#node?.resume(),
    restore: async (position) => await this.#node?.restore(position),
  };
  readonly #create: (host: AdapterHost) => UpstashNode;
  #host: AdapterHost | undefined;
  #node: UpstashNode | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: UpstashAdapterOptions) {
    const {
      namespace = "super-line",
      minIntervalMs = 100,
      maxIntervalMs = Math.max(5_000, minIntervalMs),
      factor = 2,
      timeoutMs = 10_000,
      maxPendingLength = 33_554_432,
      bridge = false,
      wake,
      onGap,
    } = options;
    if (!(namespace.length > 0 && isWellFormed(namespace))) {
      throw refused("namespace", namespace, "a text that is not empty");
    }
    mustBe("minIntervalMs", minIntervalMs, 1, 60_000);
    mustBe("maxIntervalMs", maxIntervalMs, minIntervalMs, 60_000);
    mustBe("factor", factor, 1.1, 10);
    mustBe("timeoutMs", timeoutMs, 100, 3_600_000);
    mustBe("maxPendingLength", maxPendingLength, 0, Infinity);
    if (wake !== undefined && wake !== "sse") {
      throw refused("wake", wake, '"sse" or left out');
    }
    const { client, target } = whereFrom(options);
    if (wake && !target) {
      throw new TypeError(
        'Cannot create the Upstash adapter: wake "sse" needs url and token, beside a client too',
      );
    }
    const prefix = encodeURIComponent(namespace);
    this.presence = redisPresence(
      prefix,
      () => this.#host?.nodeId ?? "",
      (...script) =>
        this.#closed || !this.#node
          ? Promise.reject(
            unavailable(
              "Cannot use the presence store: the adapter is not open, must be passed to a server first",
            ),
          )
          : this.#node.evaluate(...script),
    );
    this.#create = (host) => {
      const own = target && ownClient(target);
      return new UpstashNode(
        client ? () => Promise.resolve(client) : own!,
        host,
        {
          prefix,
          minIntervalMs,
          maxIntervalMs,
          factor,
          timeoutMs,
          maxPending: maxPendingLength,
          streamLength: STREAM_LENGTH,
          bridge,
          wakes: wake && target,
          onGap,
        },
      );
    };
  }

  open(host: AdapterHost): void {
    if (this.#host) {
      throw new TypeError(
        "Cannot open the Upstash adapter: it is open already, must be given to one server",
      );
    }
    this.#host = host;
    this.#node = this.#create(host);
  }

  subscribe(channel: string): Promise<void> {
    if (this.#node && !this.#closed) return this.#node.subscribe(channel);
    const state = this.#closed ? "closed" : "not open";
    return Promise.reject(
      unavailable(
        `Cannot subscribe to ${
          JSON.stringify(channel)
        }: the adapter is ${state}`,
      ),
    );
  }

  unsubscribe(channel: string): Promise<void> {
    this.#node?.unsubscribe(channel);
    return Promise.resolve();
  }

  publish(channel: string, payload: string): void {
    if (this.#closed) this.#host?.dropped(channel, 1);
    else if (exceeds(payload, this.limits.maxPayloadBytes)) {
      this.#host?.dropped(channel, 1);
      this.#host?.error(
        new RangeError(
          `Cannot publish on ${
            JSON.stringify(channel)
          }: the payload is over ${this.limits.maxPayloadBytes} bytes`,
        ),
      );
    } else this.#node?.publish(channel, payload);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#node?.close() ?? Promise.resolve();
  }
}

function whereFrom({ url, token, client }: UpstashAdapterOptions) {
  if (url === undefined && token === undefined && client) {
    return { client, target: undefined };
  }
  if (url === undefined || token === undefined) {
    throw new TypeError(
      "Cannot create the Upstash adapter: it needs url and token, or client",
    );
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw refused("url", url, "the REST URL, which starts with https://");
  }
  if (token === "") throw refused("token", token, "the REST token");
  return { client, target: { url: url.replace(/\/+$/, ""), token } };
}

function mustBe(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) {
    throw refused(name, value, `from ${min} to ${max}`);
  }
}

function refused(name: string, value: unknown, rule: string): TypeError {
  return new TypeError(
    `Cannot create the Upstash adapter: ${name} is ${
      JSON.stringify(value)
    }, must be ${rule}`,
  );
}
