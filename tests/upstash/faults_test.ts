import { afterAll } from "bun:test";
import { upstashFaults } from "../../src/testing/upstash/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { registerUpstashSuite } from "./register.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

/** What was stored and not confirmed is stored again, and may then come to who subscribes in between: A3 says so. */
const unconfirmed = upstashFaults.filter((it) => it.endsWith("-after"));
const others = upstashFaults.filter((it) => !unconfirmed.includes(it));

registerUpstashSuite("Upstash adapter, every fifth request fails", {
  redis: redis.url,
  troubles: ({ promise }) => ({
    rate: 0.2,
    kinds: ["A2", "A5", "A7"].includes(promise) ? others : upstashFaults,
  }),
  // Two of the ten ways to fail take as long as a request may.
  options: ({ url, token }) => ({ url, token, timeoutMs: 1_000 }),
});
