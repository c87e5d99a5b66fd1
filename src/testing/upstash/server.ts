/**
 * The HTTP server in front of a Redis.
 *
 * @module
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { toError } from "./answer.ts";
import { CommandRules } from "./command_rules.ts";
import { type Cut, EventStreams } from "./event_streams.ts";
import {
  fail,
  runsFirst,
  type UpstashFault,
  upstashFaults,
  type UpstashTroubles,
} from "./faults.ts";
import { RedisAwayError, RedisConnection } from "./redis_connection.ts";
import {
  type Answer,
  answer,
  type Asked,
  json,
  readRequest,
  rightOf,
  tooLarge,
} from "./requests.ts";
import { Runner, type UpstashCounters } from "./runner.ts";

/** What {@linkcode createUpstashServer} takes. */
export interface UpstashServerOptions {
  /** The Redis to serve: `redis://`, with password and database if need be. */
  readonly redis: string;
  /** A replica of it. What only reads is served from there, as stale as it is. */
  readonly replica?: string;
  /**
   * Where it listens; 0 is a free port.
   *
   * @default {0}
   */
  readonly port?: number;
  /**
   * On which address it listens.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /**
   * The token that may do everything.
   *
   * @default {"local"}
   */
  readonly token?: string;
  /**
   * The token that may only read.
   *
   * @default {"local-read-only"}
   */
  readonly readOnlyToken?: string;
  /**
   * The limit on a request, and on a reply, in bytes of their JSON.
   *
   * @default {10485760}
   */
  readonly maxRequestBytes?: number;
  /** Picks the requests that fail: numbers from 0 to 1. `Math.random` when left out. */
  readonly random?: () => number;
}

/** A local Upstash. */
export interface UpstashServer {
  /** What `UPSTASH_REDIS_REST_URL` would be. */
  readonly url: string;
  /** What `UPSTASH_REDIS_REST_TOKEN` would be. */
  readonly token: string;
  /** The token that may only read. */
  readonly readOnlyToken: string;
  /** What was asked so far, as it is now. */
  readonly counters: UpstashCounters;
  /** How many event streams are open. */
  readonly streams: number;
  /** Makes requests fail or slow from now on; what is left out is as at the start. */
  trouble(troubles: UpstashTroubles): void;
  /** Cuts the event streams: resets their connections, or ends them as if all was well. */
  cut(how: "reset" | "end"): void;
  /** Goes away: ends all connections and takes none. Settles when it is away. */
  pause(): Promise<void>;
  /** Comes back on the same port. */
  resume(): Promise<void>;
  /** Ends it. Redis stays. A second call gives the same promise. */
  close(): Promise<void>;
}

/**
 * Serves Redis as Upstash does, over REST, for development and tests.
 *
 * What a real database says and does is followed where it is known; the page `docs/upstash.md` lists what is known from
 * the documentation only. It runs on Bun, Deno and Node.
 *
 * @param options Which Redis, and where to listen
 * @returns The server, when it listens and Redis answers
 * @throws {TypeError} When an option is wrong
 * @throws {Error} When Redis cannot be reached, or the port is taken
 *
 * @example An adapter on a local Redis, as it would run on an edge host
 * ```ts ignore
 * import { createUpstashAdapter } from "@super-line/edge/adapters/upstash";
 * import { createUpstashServer } from "@super-line/edge/testing/upstash";
 *
 * const { url, token } = await createUpstashServer({ redis: "redis://localhost:6379", port: 8079 });
 * const adapter = createUpstashAdapter({ url, token });
 * ```
 */
export async function createUpstashServer(
  options: UpstashServerOptions,
): Promise<UpstashServer> {
  for (const url of [options.redis, options.replica ?? options.redis]) {
    if (!URL.canParse(url) || new URL(url).protocol !== "redis:") {
      throw new TypeError(
        "Cannot create the Upstash server: redis and replica must be URLs that start with redis://",
      );
    }
  }
  const server = new LocalUpstash(options);
  try {
    await server.begin();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class LocalUpstash implements UpstashServer {
  readonly token: string;
  readonly readOnlyToken: string;
  readonly #options: UpstashServerOptions;
  readonly #maxBytes: number;
  readonly #primary: RedisConnection;
  readonly #replica: RedisConnection | undefined;
  readonly #eventStreams: EventStreams;
  readonly #sockets = new Set<Socket>();
  #runner: Runner | undefined;
  #server: Server | undefined;
  #port: number;
  #requests = 0;
  #troubles: UpstashTroubles = {};
  #closed: Promise<void> | undefined;

  constructor(options: UpstashServerOptions) {
    this.#options = options;
    this.token = options.token ?? "local";
    this.readOnlyToken = options.readOnlyToken ?? "local-read-only";
    this.#maxBytes = options.maxRequestBytes ?? 10_485_760;
    this.#port = options.port ?? 0;
    this.#primary = new RedisConnection(options.redis);
    this.#replica = options.replica === undefined
      ? undefined
      : new RedisConnection(options.replica);
    this.#eventStreams = new EventStreams(
      options.redis,
      (name) => this.#runner?.bill(name),
    );
  }

  get url(): string {
    return `http://${this.#options.hostname ?? "127.0.0.1"}:${this.#port}`;
  }

  get counters(): UpstashCounters {
    const counted = this.#runner?.counters ?? { commands: 0, byCommand: {} };
    return { requests: this.#requests, ...counted };
  }

  get streams(): number {
    return this.#eventStreams.size;
  }

  async begin(): Promise<void> {
    const rules = await CommandRules.ask(this.#primary);
    await this.#replica?.send([["PING"]]);
    this.#runner = new Runner(rules, this.#primary, this.#replica);
    await this.resume();
  }

  trouble(troubles: UpstashTroubles): void {
    this.#troubles = troubles;
  }

  cut(how: Cut): void {
    this.#eventStreams.cut(how);
  }

  async pause(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    this.#eventStreams.cut("reset");
    for (const socket of this.#sockets) socket.destroy();
    server.closeAllConnections();
    await closed;
  }

  async resume(): Promise<void> {
    if (this.#server || this.#closed) return;
    const server = createServer((request, response) => {
      this.#take(request, response).catch(() => request.socket.destroy()); // its client has gone meanwhile
    });
    this.#server = server;
    server.keepAliveTimeout = 60_000;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      server.listen(
        this.#port,
        this.#options.hostname ?? "127.0.0.1",
        resolve,
      );
    });
    const address = server.address();
    if (address && typeof address === "object") this.#port = address.port;
  }

  close(): Promise<void> {
    return this.#closed ??= this.pause().then(() => {
      this.#primary.end();
      this.#replica?.end();
    });
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.#requests++;
    const { rate = 0, kinds = upstashFaults, delayMs = 0 } = this.#troubles;
    const random = this.#options.random ?? Math.random;
    const fault: UpstashFault | undefined = random() < rate
      ? kinds[Math.floor(random() * kinds.length)]
      : undefined;
    const asked = await readRequest(request, this.#maxBytes);
    await pause(delayMs / 2);
    if (fault && !runsFirst(fault)) return fail(fault, request, response);
    const answered = await this.#answer(asked, asked.actualBytes, response);
    await pause(delayMs / 2);
    if (!answered) return; // an event stream has begun
    if (fault) return fail(fault, request, response);
    response.writeHead(answered.status, {
      "content-type": answered.type,
      "upstash-sync-token": this.#runner?.syncToken ?? "",
    });
    response.end(asked.method === "HEAD" ? undefined : answered.body);
  }

  async #answer(
    asked: Asked,
    actualBytes: number,
    response: ServerResponse,
  ): Promise<Answer | undefined> {
    const tokens = { standard: this.token, readOnly: this.readOnlyToken };
    const right = rightOf(asked, tokens);
    if (!["GET", "HEAD", "POST", "PUT"].includes(asked.method)) {
      return json(405, toError("ERR method not allowed"));
    }
    if (!right) {
      return json(401, toError("WRONGPASS invalid or missing auth token"));
    }
    if (actualBytes > this.#maxBytes) {
      return tooLarge(actualBytes, this.#maxBytes);
    }
    if (!this.#runner) throw new TypeError("It has not begun");
    try {
      const [, kind = "", ...parts] = asked.url.pathname.split("/");
      if (/^(p?subscribe|monitor)$/i.test(kind)) {
        const name = kind.toUpperCase() as "SUBSCRIBE"; // one of the three
        const channels = parts.map(decodeURIComponent);
        const refused = await this.#eventStreams.open(name, channels, response);
        return refused &&
          json(400, toError(String("text" in refused && refused.text)));
      }
      return await answer(asked, right, this.#runner, this.#maxBytes);
    } catch (error) {
      if (!(error instanceof RedisAwayError)) throw error;
      return json(503, toError(`ERR ${error.message}`));
    }
  }
}

function pause(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}
