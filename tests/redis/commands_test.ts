/** What a node costs Redis in commands: the figures of docs/scaling.md. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { MemoryBus } from "../../adapters/memory.ts";
import {
  createRedisAdapter,
  type RedisAdapterOptions,
} from "../../adapters/redis.ts";
import { client, endAll, member, node, upTo } from "../cluster/nodes.ts";
import { until, within } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";

const redis = await RedisServer.start();
afterEach(endAll);
afterAll(() => redis.end());

/** A node whose probes of itself, two in `timeoutMs`, do not come in between. */
function onRedis(options: Partial<RedisAdapterOptions> = {}) {
  const namespace = "commands";
  const adapter = createRedisAdapter({
    url: redis.url,
    namespace,
    timeoutMs: 3_600_000,
    ...options,
  });
  return node(new MemoryBus(), {}, { adapter }).srv;
}

/** How often each command was called since the last question, those of the question aside. */
async function commands(): Promise<Record<string, number>> {
  const text = await redis.command("INFO", "commandstats");
  await redis.command("CONFIG", "RESETSTAT");
  const counts: Record<string, number> = {};
  for (
    const [, name = "", calls] of text.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)
  ) {
    counts[name] = Number(calls);
  }
  delete counts["info"];
  delete counts["config|resetstat"];
  return counts;
}

test.each([false, true])("commands of a node, sharded %p", async (sharded) => {
  const subscribe = sharded ? "ssubscribe" : "subscribe";
  const unsubscribe = sharded ? "sunsubscribe" : "unsubscribe";
  const publish = sharded ? "spublish" : "publish";
  const kind = sharded ? "SHARDCHANNELS" : "CHANNELS";
  const heard = async (pattern: string, is: boolean) => {
    const ask = ["PUBSUB", kind, `commands:${pattern}`];
    while ((await redis.command(...ask) !== "*0\r\n") !== is) {
      await Bun.sleep(5);
    }
  };
  const [a, b] = [onRedis({ sharded }), onRedis({ sharded })];
  const off = a.onServer("rebalance", () => {});
  for (
    const { ready } of [a, b].map((srv) => srv.onServer("rebalance", () => {}))
  ) expect(await within(ready)).toEqual({ live: true });
  // For each: two connections, and what is heard from the start in one go, after its publishes to itself.
  const { hello, [subscribe]: atStart } = await commands();
  if (!sharded) expect([hello, atStart]).toEqual([4, 4]);

  await client(a).ready; // the first of its role on this node
  await heard("role:user", true);
  expect((await commands())[subscribe]).toBe(1);
  const first = await member(a);
  expect(await commands()).toEqual({ [subscribe]: 1 });
  const second = await member(a); // of the same room on the same node
  await first.client.join({ room: "lobby" }); // once more
  expect(await commands()).toEqual({});

  const conn = a.room("lobby").connections[0];
  if (!conn) throw new Error("nobody is there");
  const rooms = upTo(100).map((n) => a.room(`room ${n}`));
  await Promise.all(rooms.map((room) => room.add(conn)));
  // A cluster's slots are apart: each channel is a command of its own.
  expect(await commands()).toEqual({ [subscribe]: sharded ? 100 : 1 });

  for (const n of upTo(100)) b.room("lobby").broadcast("message", { n });
  await until(() => first.got.length === 100);
  expect(await commands()).toEqual({ [publish]: 1 });
  for (const n of upTo(10)) {
    b.room("lobby").broadcast("message", { n });
    await until(() => first.got.length === 101 + n);
  }
  for (const room of upTo(10)) {
    b.room(`room ${room}`).broadcast("message", { n: room });
  }
  await until(() => first.got.length === 120);
  expect(await commands()).toEqual({ [publish]: 20 });

  b.room("nobody").broadcast("message", { n: 1 });
  b.emitServer("rebalance", { shard: 1 });
  await until(() => a.stats().relay.received === 22);
  expect(await commands()).toEqual({ [publish]: 2 });

  second.client.close();
  await until(() => a.local.connections.length === 2);
  off(); // b is subscribed still, and a by its other listener
  expect(await commands()).toEqual({});
  first.client.close();
  await until(() => a.local.connections.length === 1);
  await heard("room:*", false);
  expect((await commands())[unsubscribe]).toBe(sharded ? 101 : 1);
}, 30_000);

test("an idle node does nothing but publish to itself", async () => {
  const srv = onRedis({ timeoutMs: 200 });
  await member(srv);
  await commands();
  let total: Record<string, number> = {};
  while ((total["publish"] ?? 0) < 5) {
    await Bun.sleep(20);
    const { publish = 0, ...others } = await commands();
    total = { publish: (total["publish"] ?? 0) + publish };
    expect(others).toEqual({});
  }
  expect(srv.status().state).toBe("up");
}, 30_000);
