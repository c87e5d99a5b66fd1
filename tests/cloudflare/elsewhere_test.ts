/** Objects and a node elsewhere, in one cluster. */
import { expect, test } from "bun:test";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { createSocketServer } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { until, within } from "../helpers/wait.ts";
import { LocalUpstash } from "../upstash/local_upstash.ts";
import { api, app } from "./elsewhere_app.ts";
import { bundleWorker, startWorker } from "./workerd.ts";

/** How long anything may take, on a slow machine. */
const PATIENCE_MS = 15_000;

for (const kind of ["Redis over TCP", "Upstash"]) {
  test(`objects meet each other and nodes elsewhere: ${kind}`, async () => {
    const local = await LocalUpstash.start();
    const overTcp = kind !== "Upstash";
    const [REDIS, { url, token }] = [
      overTcp ? local.redis.url : "",
      local.server,
    ];
    const script = await bundleWorker(
      "tests/cloudflare/elsewhere_worker.ts",
      "node",
    );
    const worker = await startWorker(script, { CHAT: "Chat" }, {
      bindings: { REDIS, URL: url, TOKEN: token },
      compatibilityFlags: ["nodejs_compat"],
    });
    const srv = createSocketServer(api, {
      authenticate: () => ({ role: "user" }),
      adapter: overTcp
        ? createRedisAdapter(REDIS)
        : createUpstashAdapter({ url, token, maxIntervalMs: 200 }),
    });
    app(srv);
    const dial = async (object: string) => {
      const client = createClient(api, {
        url: worker.origin,
        role: "user",
        params: { object },
        ...(object === "" && { WebSocket: loopback(srv) }),
      });
      const got: string[] = [];
      client.on("said", (text) => void got.push(text));
      await within(client.ready, PATIENCE_MS);
      expect(await client.join(null)).toBe(true);
      return { client, got };
    };
    const all = [await dial("one"), await dial("two"), await dial("")];
    try {
      for (const [at, { client }] of all.entries()) await client.say(`${at}`);
      for (const { got } of all) {
        await until(() => got.length === 3, () => String(got), PATIENCE_MS);
        expect(got.sort()).toEqual(["0", "1", "2"]);
      }
    } finally {
      for (const { client } of all) client.close();
      await srv.close();
      await worker[Symbol.asyncDispose]();
      await local.end();
    }
  }, 100_000);
}
