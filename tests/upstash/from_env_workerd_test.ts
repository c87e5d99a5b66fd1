import { expect, test } from "bun:test";
import { Miniflare } from "miniflare";
import { fileURLToPath } from "node:url";
import { KV, REDIS, REST } from "./environments.ts";

const worker = fileURLToPath(new URL("from_env_worker.ts", import.meta.url));
test(
  "without TCP: REST, with bridge where others have TCP, and REDIS_URL alone is refused",
  async () => {
    const built = await Bun.build({
      entrypoints: [worker],
      target: "browser",
      format: "esm",
      conditions: ["workerd"],
      external: ["redis"],
    });
    const [script] = built.outputs;
    const text = await script?.text() ?? "";
    // With nodejs_compat a Worker has `process`, as Node has.
    for (const compatibilityFlags of [[], ["nodejs_compat"]]) {
      const flare = new Miniflare({
        modules: [{ type: "ESModule", path: "worker.js", contents: text }],
        compatibilityDate: "2026-04-01",
        compatibilityFlags,
      });
      try {
        const response = await flare.dispatchFetch("http://worker/", {
          method: "POST",
          body: JSON.stringify(
            [REST, KV, { ...REDIS, ...REST }, { ...REDIS, ...KV }, REDIS, {}],
          ),
        });
        const said = await response.json();
        expect(said).toEqual([
          "super-line: adapter upstash: UPSTASH_REDIS_REST_URL is set",
          "super-line: adapter upstash: KV_REST_API_URL is set",
          "super-line: adapter upstash, with bridge: REDIS_URL and UPSTASH_REDIS_REST_URL are set, and this host has no TCP",
          "super-line: adapter upstash, with bridge: REDIS_URL and KV_REST_API_URL are set, and this host has no TCP",
          "TypeError: Cannot choose an adapter: REDIS_URL is set but this host has no TCP, must be UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN",
          "super-line: adapter memory: neither REDIS_URL nor UPSTASH_REDIS_REST_URL is set, so this node is alone",
        ]);
      } finally {
        await flare.dispose();
      }
    }
  },
  60_000,
);
