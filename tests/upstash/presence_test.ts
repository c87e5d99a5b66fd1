import { afterAll, afterEach, expect, test } from "bun:test";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { registerReachSuite } from "../cluster/reach_suite.ts";
import { registerRefusedPresenceSuite } from "../cluster/refused_presence_suite.ts";
import { endAll } from "../cluster/nodes.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { QUICK } from "./upstash_subject.ts";

const local = await LocalUpstash.start();
const { url, token } = local.server;
afterEach(endAll);
afterAll(() => local.end());

registerReachSuite(
  "Upstash",
  () => createUpstashAdapter({ ...QUICK, url, token, namespace: "rest" }),
);

registerReachSuite("TCP and REST", (at) => {
  const options = { namespace: "mixed", bridge: true };
  return at === 0
    ? createRedisAdapter({ url: local.redis.url, ...options })
    : createUpstashAdapter({ ...QUICK, url, token, ...options });
});

registerRefusedPresenceSuite(
  "Upstash",
  () => createUpstashAdapter({ ...QUICK, url, token, namespace: "refused" }),
  [{
    name: "a read-only replica",
    begin: () => local.redis.command("REPLICAOF", "127.0.0.1", "1"),
    end: () => local.redis.command("REPLICAOF", "NO", "ONE"),
  }],
);

test("of who was there nothing is left", async () => {
  expect(await local.redis.command("KEYS", "{*@presence}*")).toBe("*0\r\n");
});
