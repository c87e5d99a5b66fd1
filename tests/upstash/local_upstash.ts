import {
  createUpstashServer,
  type UpstashServer,
  type UpstashServerOptions,
} from "../../src/testing/upstash/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { TcpProxy } from "../redis/tcp_proxy.ts";

/** A local Upstash with a Redis of its own, and perhaps a replica that is behind. Runs on Bun, Deno and Node. */
export class LocalUpstash {
  readonly redis: RedisServer;
  readonly server: UpstashServer;
  readonly #endings: (() => unknown)[];

  private constructor(
    redis: RedisServer,
    server: UpstashServer,
    endings: (() => unknown)[],
  ) {
    this.redis = redis;
    this.server = server;
    this.#endings = endings;
  }

  /** Starts one; reads come from a replica that is `behindMs` behind, where that is given. */
  static async start(
    { behindMs, ...options }: Partial<UpstashServerOptions> & {
      behindMs?: number;
    } = {},
  ): Promise<LocalUpstash> {
    const redis = await RedisServer.start();
    const endings: (() => unknown)[] = [() => redis.end()];
    let replica: string | undefined;
    if (behindMs !== undefined) {
      const follower = await startReplica(redis, behindMs);
      endings.push(() => follower.end());
      replica = follower.url;
    }
    const server = await createUpstashServer({
      redis: redis.url,
      ...(replica !== undefined && { replica }),
      ...options,
    });
    endings.push(() => server.close());
    return new LocalUpstash(redis, server, endings);
  }

  /** Sends a body with the token, and gives what came back. */
  async ask(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; json: unknown; headers: Headers }> {
    const response = await fetch(this.server.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${this.server.token}`, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const { status, headers: got } = response;
    return { status, json: await response.json(), headers: got };
  }

  /** How many requests and commands something takes, once all that was under way is over. */
  async cost(act: () => unknown) {
    for (let seen = -1, looks = 0; looks < 10; looks++) {
      if (seen === this.server.counters.requests) break;
      seen = this.server.counters.requests;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const before = this.server.counters;
    await act();
    const after = this.server.counters;
    return {
      requests: after.requests - before.requests,
      commands: after.commands - before.commands,
    };
  }

  /** Ends all of it. */
  async end(): Promise<void> {
    for (const end of this.#endings.toReversed()) await end();
  }
}

/** Starts a replica that hears of everything later. */
export async function startReplica(
  redis: RedisServer,
  behindMs: number,
): Promise<{ readonly url: string; end(): Promise<void> }> {
  // Else the first copy is made after five seconds, in case that others want it too.
  await redis.command("CONFIG", "SET", "repl-diskless-sync-delay", "0");
  const proxy = await TcpProxy.start(redis.port);
  const { port } = new URL(proxy.url);
  const follower = await RedisServer.start(
    ...["--replicaof", `127.0.0.1 ${port}`],
  );
  await inSync(follower);
  proxy.delayMs = behindMs;
  const end = async () => {
    await proxy.end();
    await follower.end();
  };
  return { url: follower.url, end };
}

async function inSync(follower: RedisServer): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    const info = await follower.command("INFO", "replication");
    if (info.includes("master_link_status:up")) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("The replica does not follow");
}
