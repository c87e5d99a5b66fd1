import { afterAll, afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { until } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";

const api = defineContract({
  shared: {
    clientToServer: { say: { input: z.string(), output: z.null() } },
    serverToClient: {
      feed: {
        payload: z.string(),
        subscribe: true,
        keep: { last: 2_000 },
      },
    },
  },
  roles: { user: {} },
});

const redis = await RedisServer.start();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => redis.end());

for (const sharded of [false, true]) {
  test(
    `two publishers, three nodes, clients that drop: each gets everything once, in one order${
      sharded ? ", sharded" : ""
    }`,
    async () => {
      const nodes = [0, 1, 2].map(() => node(`kept-${sharded}`, sharded));
      const readers = nodes.map((srv) => reader(srv));
      await Promise.all(readers.map(({ sub }) => sub.ready));
      const order = async (at: 0 | 1) => {
        for (let n = 0; n < 300; n++) {
          const published = nodes[at]!.publish("feed", `${at} ${n}`);
          if (n % 10 === 0) expect(await published).toEqual({ kept: true });
          if (n % 25 === at) {
            for (const conn of nodes[n % 3]!.local.connections) {
              conn.close(1012);
            }
          }
        }
      };
      await Promise.all([order(0), order(1)]);
      const describe = () =>
        JSON.stringify(readers.map(({ got, gaps, sub }, at) => [
          got.length,
          gaps.count,
          sub.position,
          nodes[at]?.stats().topics,
          nodes[at]?.local.topics.get("feed"),
        ]));
      for (const { got } of readers) {
        await until(() => got.length >= 600, () => describe(), 5_000);
      }
      const [first] = readers;
      expect(new Set(first!.got).size).toBe(600);
      for (const { got, gaps } of readers) {
        expect(got).toEqual(first!.got);
        expect(gaps.count).toBe(0);
      }
      for (const at of ["0", "1"]) {
        expect(first!.got.filter((it) => it.startsWith(at)))
          .toEqual(Array.from({ length: 300 }, (_, n) => `${at} ${n}`));
      }
    },
    30_000,
  );
}

test(
  "a Redis that was restarted with an older state is told as a gap, and what follows is delivered",
  async () => {
    const [a, b] = [node("restart"), node("restart")];
    const { got, gaps, sub } = reader(b);
    await sub.ready;
    await a.publish("feed", "kept");
    await redis.command("SAVE");
    await a.publish("feed", "lost");
    await until(() => got.length === 2);
    await redis.kill();
    await until(() => a.status().state === "down", "a is down", 10_000);
    await until(() => b.status().state === "down", "b is down", 10_000);
    const waiting = a.publish("feed", "given up");
    expect((await waiting).kept).not.toBe(true);
    await redis.begin();
    await until(() => a.status().state === "up", "a is up", 15_000);
    await until(() => b.status().state === "up", "b is up", 15_000);
    // The first message after one that was given up begins an epoch: subscribers are told, and go on behind it.
    expect(await a.publish("feed", "first of an epoch")).toEqual({
      kept: true,
    });
    await until(() => gaps.count > 0, "the gap", 5_000);
    await until(() => b.local.topics.get("feed") === 1);
    let n = 0;
    while (!got.includes(`after ${n}`) && n < 50) {
      expect(await a.publish("feed", `after ${++n}`)).toEqual({ kept: true });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(got.slice(0, 2)).toEqual(["kept", "lost"]);
    expect(got.at(-1)).toBe(`after ${n}`);
    expect(new Set(got).size).toBe(got.length);
    expect(gaps.count).toBeGreaterThan(0);
  },
  60_000,
);

test("a reply does not overtake a kept publish that its handler awaited", async () => {
  const srv = node("reply");
  const { got, sub, client } = reader(srv);
  await sub.ready;
  for (let n = 0; n < 50; n++) {
    await client.say(`${n}`);
    expect(got.at(-1)).toBe(`${n}`);
  }
});

function node(namespace: string, sharded = false) {
  const { url } = redis;
  const srv = createSocketServer(api, {
    adapter: createRedisAdapter({ url, namespace, sharded, timeoutMs: 1_000 }),
    authenticate: () => ({ role: "user" }),
  });
  srv.implement({
    shared: {
      say: async (text) => {
        await srv.publish("feed", text);
        return null;
      },
    },
  });
  ends.push(() => srv.close());
  return srv;
}

function reader(srv: ReturnType<typeof node>) {
  const client = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
    reconnectBaseMs: 1,
  });
  ends.push(() => client.close());
  const got: string[] = [];
  const gaps = { count: 0 };
  const sub = client.subscribe("feed", (text) => void got.push(text), {
    onGap: () => void gaps.count++,
  });
  return { got, gaps, sub, client };
}
