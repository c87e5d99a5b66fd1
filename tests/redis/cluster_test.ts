import { afterAll, afterEach, expect, test } from "bun:test";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { MemoryBus } from "../../adapters/memory.ts";
import { endAll, member, node } from "../cluster/nodes.ts";
import { until, within } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";

const redis = await RedisServer.start();
afterEach(endAll);
afterAll(() => redis.end());

/** A node on the Redis; the bus is not used. */
function onRedis(namespace: string) {
  const options = { url: redis.url, namespace, timeoutMs: 1_000 };
  return node(new MemoryBus(), {}, { adapter: createRedisAdapter(options) });
}

test(
  "rooms, topics and server events cross nodes, through an outage of Redis and back",
  async () => {
    const [a, b] = [onRedis("outage").srv, onRedis("outage").srv];
    const there = await member(b);
    const here = await member(a);
    expect(await there.client.join({ room: "lobby" })).toEqual({ live: true });
    const counts: number[] = [];
    const sub = there.client.subscribe(
      "presence",
      ({ count }) => counts.push(count),
    );
    expect(await within(sub.ready)).toEqual({ live: true });
    const shards: number[] = [];
    const own: number[] = [];
    const off = b.onServer("rebalance", ({ shard }) => shards.push(shard));
    a.onServer("rebalance", ({ shard }) => own.push(shard));
    expect(await within(off.ready)).toEqual({ live: true });

    a.room("lobby").broadcast("message", { n: 1 });
    a.publish("presence", { count: 1 });
    a.emitServer("rebalance", { shard: 1 });
    await until(() => there.got.length + counts.length + shards.length === 3);

    await redis.kill();
    await until(() => a.status().state === "down", "a is down", 10_000);
    await until(() => b.status().state === "down", "b is down", 10_000);
    const late = await within(member(b), 1_000);
    expect(late.joined).toEqual({ live: false });
    a.room("lobby").broadcast("message", { n: 2 });
    await until(() => here.got.includes(2));
    await until(() => a.stats().relay.dropped >= 1);

    await redis.begin();
    await until(() => a.status().state === "up", "a is up", 15_000);
    await until(() => b.status().state === "up", "b is up", 15_000);
    expect(await late.client.join({ room: "lobby" })).toEqual({ live: true });
    a.room("lobby").broadcast("message", { n: 3 });
    a.publish("presence", { count: 3 });
    a.emitServer("rebalance", { shard: 3 });
    await until(() => late.got.length + counts.length + shards.length === 5);
    await until(() => there.got.length === 2);
    expect([there.got, late.got, counts, shards, own]).toEqual(
      [[1, 3], [3], [1, 3], [1, 3], []],
    );
  },
  60_000,
);

test(
  "a node whose Redis is not there yet serves its own clients, and joins the others later",
  async () => {
    await redis.kill();
    const a = onRedis("late").srv;
    const b = onRedis("late").srv;
    const here = await within(member(a), 3_000);
    expect(here.joined).toEqual({ live: false });
    a.room("lobby").broadcast("message", { n: 1 });
    await until(() => here.got.length === 1);
    await redis.begin();
    await until(() => a.status().state === "up", "a is up", 15_000);
    await until(() => b.status().state === "up", "b is up", 15_000);
    expect(await here.client.join({ room: "lobby" })).toEqual({ live: true });
    b.room("lobby").broadcast("message", { n: 2 });
    await until(() => here.got.length === 2);
  },
  60_000,
);

test(
  "what strangers write to our channels is counted, told once, and reaches nobody",
  async () => {
    const { srv: a, errors } = onRedis("strangers");
    const it = await member(a);
    expect(await it.client.join({ room: "lobby" })).toEqual({ live: true });
    const channel = "strangers:room:lobby";
    const evil = '1 n e 1 t\n["hi",{"__proto__":{"a":1}}]';
    for (
      const payload of [
        "",
        "garbage",
        "2 n e 1 t\n[]",
        evil,
        new Uint8Array([255, 0, 254]),
        "x".repeat(5_000_000),
      ]
    ) await redis.command("PUBLISH", channel, payload);
    await until(() => a.stats().relay.foreign === 6, "all are counted");
    expect(errors.length).toBe(1);
    a.room("lobby").broadcast("message", { n: 1 });
    await until(() => it.got.length === 1);
    expect(it.got).toEqual([1]);
  },
  30_000,
);

test(
  "a node is subscribed on Redis to what it has members or listeners for, and to nothing else",
  async () => {
    const [a, b] = [onRedis("narrow").srv, onRedis("narrow").srv];
    const channels = async () => {
      const reply = await redis.command("PUBSUB", "CHANNELS", "narrow:*");
      // Beside them a node has a channel of its own, and one of each role that it has connections of.
      return (reply.match(/narrow:(?:room|server):[^\r]+/g) ?? []).toSorted();
    };
    const subscribers = async (channel: string) => {
      const reply = await redis.command("PUBSUB", "NUMSUB", channel);
      return Number(/:(\d+)\r\n$/.exec(reply)?.[1]);
    };
    /** Redis hears of what a node leaves after the node has. */
    const become = async (expected: string[]) => {
      const end = Date.now() + 4_000;
      while (`${await channels()}` !== `${expected}` && Date.now() < end);
      expect(await channels()).toEqual(expected);
    };
    const [event, lobby] = ["narrow:server:rebalance", "narrow:room:lobby"];
    b.emitServer("rebalance", { shard: 1 });
    b.room("lobby").broadcast("message", { n: 1 });
    const off = a.onServer("rebalance", () => {});
    const second = a.onServer("rebalance", () => {});
    expect(await within(off.ready)).toEqual({ live: true });
    await become([event]);
    expect(await subscribers(event)).toBe(1);
    const here = await member(a);
    const there = await member(b);
    await become([lobby, event]);
    expect(await subscribers(lobby)).toBe(2);
    off();
    await become([lobby, event]);
    second();
    await become([lobby]);
    here.client.close();
    there.client.close();
    await become([]);
  },
  30_000,
);

test(
  "a listener of server events is not ready while Redis is away, and hears them when it is back",
  async () => {
    await redis.kill();
    const [a, b] = [onRedis("deaf").srv, onRedis("deaf").srv];
    const shards: number[] = [];
    const off = b.onServer("rebalance", ({ shard }) => shards.push(shard));
    expect(await within(off.ready)).toEqual({ live: false });
    await redis.begin();
    await until(() => a.status().state === "up", "a is up", 15_000);
    await until(() => b.status().state === "up", "b is up", 15_000);
    const again = b.onServer("rebalance", ({ shard }) => shards.push(-shard));
    expect(await within(again.ready)).toEqual({ live: true });
    a.emitServer("rebalance", { shard: 1 });
    await until(() => shards.length === 2);
    expect(shards).toEqual([1, -1]);
  },
  60_000,
);

test(
  "order holds without awaiting and while connections are killed, and each gap is counted",
  async () => {
    const [a, b] = [onRedis("order").srv, onRedis("order").srv];
    const { got, client } = await member(b);
    let n = 0;
    const publish = () => a.room("lobby").broadcast("message", { n: ++n });
    publish();
    await until(() => got.length === 1, "the first one comes", 10_000);
    const timer = setInterval(publish, 1); // each in a turn of its own: as many envelopes
    for (const type of ["pubsub", "normal", "pubsub"]) {
      const before = got.length;
      await until(() => got.length > before + 20, "it hears again", 15_000);
      await redis.command("CLIENT", "KILL", "TYPE", type);
    }
    await until(() => a.status().state === "up", "a is up", 15_000);
    await until(() => b.status().state === "up", "b is up", 15_000);
    await client.join({ room: "lobby" });
    const before = got.length;
    await until(() => got.length > before, "it is live again", 15_000);
    clearInterval(timer);
    await until(() => got.at(-1) === n, "the last one comes", 10_000);
    expect(got).toEqual(got.toSorted((x, y) => x - y));
    expect(new Set(got).size).toBe(got.length);
    expect(got.length).toBeLessThan(n);
    expect(b.stats().relay.missed).toBe(n - got.length);
  },
  60_000,
);
