import { afterAll } from "bun:test";
import { Redis } from "@upstash/redis";
import { RedisServer } from "../redis/redis_server.ts";
import { startReplica } from "./local_upstash.ts";
import { registerUpstashSuite } from "./register.ts";

const redis = await RedisServer.start();
const replica = await startReplica(redis, 120);
afterAll(async () => {
  await replica.end();
  await redis.end();
});

registerUpstashSuite(
  "Upstash adapter, reads 120 ms behind, the client as it comes",
  {
    redis: redis.url,
    replica: replica.url,
    // It batches, retries, and reads values as JSON.
    options: ({ url, token }) => ({ client: new Redis({ url, token }) }),
  },
);
