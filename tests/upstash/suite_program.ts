// Runs the suite for the Upstash adapter on whatever runtime this is, without a test runner.
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { upstashSuite } from "./upstash_suite.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { runSuite } from "./together.ts";

const local = await LocalUpstash.start();
let failed: string[];
try {
  failed = await runSuite({ redis: local.redis.url });
  // Left as it is, the program must end by itself.
  const { url, token } = local.server;
  const adapter = createUpstashAdapter({ url, token, wake: "sse" });
  adapter.open(new RecordingHost());
  await adapter.subscribe("c");
  adapter.publish("c", "x");
  await adapter.close();
} finally {
  await local.end();
}
console.log(JSON.stringify({ cases: upstashSuite.length, failed }));
