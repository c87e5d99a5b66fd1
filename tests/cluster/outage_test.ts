import { afterEach, expect, test } from "bun:test";
import { MemoryBus } from "../../adapters/memory.ts";
import { leftOver, type TestServer } from "../helpers/api.ts";
import { settled, until, within } from "../helpers/wait.ts";
import { cluster, endAll, member, node } from "./nodes.ts";

afterEach(endAll);

test("a bus that is down does not keep a node's own members from their messages", async () => {
  const { a, b, bus } = cluster();
  const here = await member(a);
  const there = await member(b);
  bus.fail();
  expect(a.status()).toMatchObject({ state: "down" });
  a.room("lobby").broadcast("message", { n: 1 });
  await until(() => here.got.length === 1);
  bus.restore();
  expect(a.status()).toMatchObject({ state: "up" });
  a.room("lobby").broadcast("message", { n: 2 });
  await until(() => there.got.length === 1);
  expect(there.got).toEqual([2]);
  expect(a.stats().relay.dropped).toBe(1);
  // The first of a sender that a node hears is where it starts to count.
  a.room("lobby").broadcast("message", { n: 3 });
  bus.fail();
  await settled();
  a.room("lobby").broadcast("message", { n: 4 });
  await settled();
  bus.restore();
  a.room("lobby").broadcast("message", { n: 5 });
  await until(() => here.got.length === 5);
  await until(() => there.got.at(-1) === 5);
  expect(b.stats().relay.missed).toBe(there.got.includes(3) ? 1 : 2);
});

test("a bus that is down makes joins and subscriptions local at once, and live when it is back", async () => {
  const { a, b, bus } = cluster();
  bus.fail();
  const it = await within(member(a), 1_000);
  expect(it.joined).toEqual({ live: false });
  const counts: number[] = [];
  const sub = it.client.subscribe("presence", ({ count }) =>
    counts.push(count));
  expect(await within(sub.ready, 1_000)).toEqual({ live: false });
  const shards: number[] = [];
  const off = a.onServer("rebalance", ({ shard }) => shards.push(shard));
  expect(await within(off.ready, 1_000)).toEqual({ live: false });
  a.room("lobby").broadcast("message", { n: 1 });
  a.publish("presence", { count: 1 });
  await until(() => it.got.length === 1 && counts.length === 1);
  bus.restore();
  expect(await it.client.join({ room: "lobby" })).toEqual({ live: true });
  b.room("lobby").broadcast("message", { n: 2 });
  b.publish("presence", { count: 2 });
  b.emitServer("rebalance", { shard: 2 });
  await until(() => shards.length === 1 && counts.length === 2);
  await until(() => it.got.length === 2);
  expect([it.got, counts, shards]).toEqual([[1, 2], [1, 2], [2]]);
});

test("a bus that is down at the start keeps no client out", async () => {
  const bus = new MemoryBus();
  bus.fail();
  const made = [node(bus), node(bus)];
  const [a, b] = made.map(({ srv }) => srv) as [TestServer, TestServer];
  expect(a.status()).toMatchObject({ state: "down" });
  const it = await member(a);
  expect(it.joined).toEqual({ live: false });
  expect(await it.client.echo({ text: "x" })).toEqual({ text: "x" });
  bus.restore();
  b.room("lobby").broadcast("message", { n: 1 });
  await until(() => it.got.length === 1);
  for (const { errors } of made) {
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      error: { code: "UNAVAILABLE" },
      info: { source: "adapter" },
    });
  }
});

test("a bus that is down forgets who left meanwhile", async () => {
  const { a, b, bus } = cluster();
  const it = await member(a);
  const late = await (bus.fail(), member(a, "other"));
  it.client.close();
  late.client.close();
  await until(() => a.local.connections.length === 0);
  bus.restore();
  b.room("lobby").broadcast("message", { n: 1 });
  b.room("other").broadcast("message", { n: 1 });
  await settled();
  expect(a.stats().relay.received).toBe(0);
  expect(leftOver(a)).toEqual({});
});

test("stats tell how long an envelope takes to the bus and back", async () => {
  const { a, bus } = cluster();
  await member(a);
  expect(a.stats().adapter).toEqual({
    state: "up",
    since: expect.any(Number) as never,
  });
  a.room("lobby").broadcast("message", { n: 1 });
  await until(() => a.stats().adapter.lagMs !== undefined);
  expect(a.stats().adapter.lagMs).toBeLessThan(4_000);
  bus.fail();
  expect(a.stats().adapter.state).toBe("down");
});
