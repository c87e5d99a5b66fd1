import { afterAll, afterEach, expect, test } from "bun:test";
import { until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { count, endAll, open } from "./open.ts";

const local = await LocalUpstash.start();
afterAll(() => local.end());
afterEach(async () => {
  local.server.trouble({});
  await endAll();
  await until(() => local.server.streams === 0);
});

/** Polls would be too far apart to be what brings a message. */
const SLOW = {
  wake: "sse",
  minIntervalMs: 500,
  maxIntervalMs: 60_000,
  factor: 10,
} as const;

async function listening(namespace: string, channel = "c") {
  const node = open(local, namespace, SLOW);
  const { streams } = local.server;
  await node.adapter.subscribe(channel);
  await until(() => local.server.streams === streams + 1);
  return node;
}

test("a node is told of news, for one command more a write, and reads nothing while there is none", async () => {
  const from = open(local, "wake", SLOW);
  const to = await listening("wake");
  await Bun.sleep(300); // what the start has to read
  from.adapter.publish("c", "first");
  await until(() => to.host.count === 1);
  const idle = await local.cost(() => Bun.sleep(700));
  expect(idle).toEqual({ requests: 0, commands: 0 });
  const started = performance.now();
  const cost = await local.cost(async () => {
    for (const number of count(20)) {
      from.adapter.publish("c", number);
      await until(() => to.host.received("c").at(-1) === number);
    }
  });
  expect(performance.now() - started).toBeLessThan(20 * 400); // polls alone would be 500 ms apart
  // A write, a wake and a read each; two of them may be read at once.
  expect(cost.commands).toBeLessThanOrEqual(60);
  expect(cost.requests).toBeLessThanOrEqual(40);
  expect(to.host.received("c")).toEqual(["first", ...count(20)]);
});

test("a stream that is cut, by a reset or as if all was well, loses nothing", async () => {
  const from = open(local, "cut", SLOW);
  const to = await listening("cut");
  for (const [at, how] of (["reset", "end", "reset"] as const).entries()) {
    local.server.cut(how);
    from.adapter.publish("c", `${at}`);
    await until(() => to.host.received("c").length === at + 1);
    await until(() => local.server.streams === 1);
  }
  expect(to.host.received("c")).toEqual(["0", "1", "2"]);
  expect(to.host.statuses).toEqual([]);
});

test(
  "a replica that is behind is asked again until it has what was told of",
  async () => {
    const behind = await LocalUpstash.start({ behindMs: 250 });
    try {
      const options = { ...SLOW, minIntervalMs: 50, factor: 2 };
      const from = open(behind, "behind", options);
      const to = open(behind, "behind", options);
      await to.adapter.subscribe("c");
      await until(() => behind.server.streams === 1);
      for (const number of count(5)) {
        from.adapter.publish("c", number);
        await until(() => to.host.received("c").at(-1) === number);
      }
    } finally {
      await endAll();
      await behind.end();
    }
  },
  20_000,
);

test("where there is no such stream it polls, and says why once", async () => {
  const { url, token } = local.server;
  const proxy = Bun.serve({
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/subscribe")) {
        return Response.json({ error: "ERR no" }, { status: 400 });
      }
      return fetch(url + pathname, {
        method: "POST",
        headers: request.headers,
        body: await request.text(),
      });
    },
  });
  const from = open(local, "none");
  const to = open(local, "none", {
    url: `http://127.0.0.1:${proxy.port}`,
    token,
    wake: "sse",
  });
  await to.adapter.subscribe("c");
  from.adapter.publish("c", "x");
  await until(() => to.host.count === 1);
  await until(() => to.host.errors.length === 1);
  expect(String(to.host.errors[0])).toContain("the answer is 400");
  await Bun.sleep(600); // in which it tries again
  expect(to.host.errors.length).toBe(1);
  await proxy.stop(true);
});

test("a node that nobody listens on keeps no stream once it ends", async () => {
  const to = await listening("gone");
  await to.adapter.close();
  await until(() => local.server.streams === 0);
});
