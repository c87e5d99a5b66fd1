// Uses an adapter, closes it, and has nothing left to do.
import type { Adapter } from "../../src/seams/adapter.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";

/** The adapters by name, made on a broker that the test named in the environment, if they need one. */
const adapters: Record<string, () => Promise<Adapter>> = {
  memory: async () =>
    (await import("../../adapters/memory.ts")).createInMemoryAdapter(),
  redis: async () =>
    (await import("../../adapters/redis.ts")).createRedisAdapter(
      process.env["REDIS_URL"] ?? "",
    ),
  "sharded redis": async () =>
    (await import("../../adapters/redis.ts")).createRedisAdapter({
      url: process.env["REDIS_URL"] ?? "",
      sharded: true,
    }),
  upstash: async () =>
    (await import("../../adapters/upstash.ts")).createUpstashAdapter({
      url: process.env["UPSTASH_REDIS_REST_URL"] ?? "",
      token: "local",
      wake: "sse",
    }),
  // Proves the test: it keeps a timer.
  leaking: async () => {
    setInterval(() => {}, 1_000);
    return await adapters["memory"]!();
  },
};

const adapter = await adapters[process.argv[2] ?? ""]!();
adapter.open(new RecordingHost());
await adapter.subscribe("c");
adapter.publish("c", "x");
await adapter.close();
console.log("closed");
