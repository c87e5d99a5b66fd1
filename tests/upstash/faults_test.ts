import { afterAll } from "bun:test";
import { upstashSuite } from "./upstash_suite.ts";
import { upstashFaults } from "../../src/testing/upstash/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { registerUpstashSuite } from "./register.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

/** Left out are promises of the registry that are about time: each fault may take a second of it. */
const cases = upstashSuite.filter(({ promise }) =>
  promise !== "P3" && promise !== "P4"
);

registerUpstashSuite("Upstash adapter, every fifth request fails", {
  redis: redis.url,
  troubles: () => ({ rate: 0.2, kinds: upstashFaults }),
  // Two of the ten ways to fail take as long as a request may.
  options: ({ url, token }) => ({ url, token, timeoutMs: 1_000 }),
}, cases);
