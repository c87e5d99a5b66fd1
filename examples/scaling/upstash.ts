// The REST API that nodes without TCP use: yours, with UPSTASH_REDIS_REST_URL and
// UPSTASH_REDIS_REST_TOKEN, or a local one in front of the Redis of the others.
import process from "node:process";
import { createUpstashServer } from "@super-line/edge/testing/upstash";

export interface Upstash {
  /** What a node finds it by. */
  readonly env: Record<string, string>;
  readonly what: string;
  stop(): Promise<void>;
}

/** Takes the database of the environment, or starts a server on a free port. */
export async function findUpstash(redisUrl: string): Promise<Upstash> {
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = process.env;
  if (UPSTASH_REDIS_REST_URL && UPSTASH_REDIS_REST_TOKEN) {
    const what = `${
      new URL(UPSTASH_REDIS_REST_URL).host
    }, from the environment`;
    return { env: {}, what, stop: () => Promise.resolve() };
  }
  const server = await createUpstashServer({ redis: redisUrl });
  return {
    env: {
      UPSTASH_REDIS_REST_URL: server.url,
      UPSTASH_REDIS_REST_TOKEN: server.token,
    },
    what: `${server.url}, REST in front of it`,
    stop: () => server.close(),
  };
}
