import { Redis } from "ioredis";
import { createClient } from "redis";
import {
  createRedisAdapter,
  type RedisAdapterOptions,
} from "../../adapters/redis.ts";
import type { MakeAdapter } from "./redis_subject.ts";

/** Clients that users may bring: made and connected by them, and ended by them. */
export interface Brought {
  /** Makes an adapter with clients of its own. */
  readonly make: MakeAdapter;
  /** Ends all clients that were made. */
  end(): void;
}

type Clients = Pick<
  RedisAdapterOptions,
  "client" | "publisher" | "subscriber"
>;

/** Clients of the package `redis`: one and its duplicate, or two. */
export function nodeRedis(
  two: boolean,
  options: Partial<RedisAdapterOptions> = {},
): Brought {
  return brought(options, async (url, ends) => {
    const client = () => {
      const it = createClient({ url, socket: { reconnectStrategy: 100 } });
      it.on("error", () => {}); // as users have to
      ends.push(() => it.destroy());
      it.connect().catch(() => {});
      return it;
    };
    return await Promise.resolve(
      two
        ? { publisher: client(), subscriber: client() }
        : { client: client() },
    );
  });
}

/** Clients of the package `ioredis`. */
export function ioredis(
  two: boolean,
  options: Partial<RedisAdapterOptions> = {},
): Brought {
  return brought(options, (url, ends) => {
    const client = () => {
      const it = new Redis(url, { retryStrategy: () => 100 });
      it.on("error", () => {}); // as users have to
      ends.push(() => it.disconnect());
      return it;
    };
    return two
      ? { publisher: client(), subscriber: client() }
      : { client: client() };
  });
}

/** Bun's own clients. */
export function bunRedis(two: boolean): Brought {
  // It does not tell that a connection broke (Bun 1.4): an outage is noticed by the adapter's own asking.
  return brought({ timeoutMs: 150 }, (url, ends) => {
    const client = () => {
      const it = new Bun.RedisClient(url, { maxRetries: 1_000_000 });
      ends.push(() => it.close());
      return it;
    };
    return two
      ? { publisher: client(), subscriber: client() }
      : { client: client() };
  });
}

function brought(
  options: Partial<RedisAdapterOptions>,
  clients: (url: string, ends: (() => void)[]) => Clients | Promise<Clients>,
): Brought {
  const ends: (() => void)[] = [];
  return {
    make: async (url, namespace) =>
      createRedisAdapter({
        ...await clients(url, ends),
        timeoutMs: 2_000,
        namespace,
        ...options,
      }),
    end: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}
