import { afterAll } from "bun:test";
import { Redis } from "@upstash/redis";
import type { AdapterCase } from "../../src/testing/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { startReplica } from "./local_upstash.ts";
import { registerUpstashSuite } from "./register.ts";

/** Registers cases whose reads come from a replica that is 120 ms behind. */
export async function registerReplicaSuite(
  cases: readonly AdapterCase[],
): Promise<void> {
  const redis = await RedisServer.start();
  const replica = await startReplica(redis, 120);
  afterAll(async () => {
    await replica.end();
    await redis.end();
  });
  registerUpstashSuite(
    "Upstash adapter, reads 120 ms behind, a client that retries once",
    {
      redis: redis.url,
      replica: replica.url,
      // It batches, and reads values as JSON. Its own five retries would make each outage case wait for 10 s and more.
      options: ({ url, token }) => ({
        client: new Redis({
          url,
          token,
          retry: { retries: 1, backoff: () => 50 },
        }),
      }),
    },
    cases,
  );
}
