import { expect, test } from "bun:test";
import { Miniflare } from "miniflare";
import { bundleWorker } from "../cloudflare/workerd.ts";
import { LocalUpstash } from "./local_upstash.ts";

test("a node inside workerd is woken over SSE", async () => {
  const script = await bundleWorker("tests/upstash/wakes_worker.ts");
  const local = await LocalUpstash.start();
  const flare = new Miniflare({
    modules: true,
    script,
    compatibilityDate: "2026-04-01",
  });
  try {
    const { url, token } = local.server;
    const response = await flare.dispatchFetch("http://worker/", {
      method: "POST",
      body: JSON.stringify({ url, token }),
    });
    const { received, errors } = await response.json() as {
      received: string[];
      errors: string[];
    };
    expect(errors).toEqual([]);
    expect(received.length).toBeGreaterThan(0);
    expect(received).toEqual(received.map((_, at) => `${at}`));
  } finally {
    await flare.dispose();
    await local.end();
  }
}, 60_000);
