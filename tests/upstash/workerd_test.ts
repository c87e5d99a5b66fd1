import { expect, test } from "bun:test";
import { Miniflare } from "miniflare";
import { bundleWorker } from "../cloudflare/workerd.ts";
import { upstashSuite } from "./upstash_suite.ts";
import {
  createUpstashServer,
  type UpstashServer,
} from "../../src/testing/upstash/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";

test("the suite runs inside workerd", async () => {
  const script = await bundleWorker("tests/upstash/suite_worker.ts");
  const redis = await RedisServer.start();
  const servers = new Map<string, UpstashServer>();
  const control = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const known = servers.get(search.slice(1));
      if (pathname === "/pause") await known?.pause();
      if (pathname === "/resume") await known?.resume();
      if (pathname === "/close") await known?.close();
      if (pathname !== "/server") return Response.json({});
      const server = await createUpstashServer({ redis: redis.url });
      servers.set(server.url, server);
      return Response.json({ url: server.url, token: server.token });
    },
  });
  const flare = new Miniflare({
    modules: true,
    script,
    compatibilityDate: "2026-04-01",
    bindings: { CONTROL: `http://127.0.0.1:${control.port}` },
  });
  try {
    const response = await flare.dispatchFetch("http://worker/");
    expect(await response.json())
      .toEqual({ cases: upstashSuite.length, failed: [] });
  } finally {
    await flare.dispose();
    await control.stop(true);
    for (const server of servers.values()) await server.close();
    await redis.end();
  }
}, 200_000);
