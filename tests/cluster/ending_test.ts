import { afterEach, expect, test } from "bun:test";
import { MemoryBus } from "../../adapters/memory.ts";
import { leftOver, type Made } from "../helpers/api.ts";
import { connect, type Peer } from "../helpers/peer.ts";
import { settled, until, within } from "../helpers/wait.ts";
import { cluster, endAll, member, node, upTo } from "./nodes.ts";

afterEach(endAll);

const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [
  2,
  1,
  0,
]];
test.each(orders)(
  "nodes close in the order %d %d %d, and those that are left go on",
  async (...order) => {
    const { nodes, bus } = cluster();
    const members = await Promise.all(nodes.map(({ srv }) => member(srv)));
    let n = 0;
    for (const at of order) {
      const { srv } = nodes[at] as Made;
      const left = order.slice(order.indexOf(at) + 1);
      const before = members[at]?.got.length;
      const closed = srv.close();
      expect(srv.close()).toBe(closed);
      await within(closed);
      expect(leftOver(srv)).toEqual({});
      const sender = nodes[left[0] ?? at] as Made;
      sender.srv.room("lobby").broadcast("message", { n: ++n });
      for (const other of left) {
        await until(() => members[other]?.got.at(-1) === n);
      }
      await settled();
      expect(members[at]?.got.length).toBe(before as number);
    }
    expect(bus.size).toBe(0);
  },
);

test("what was broadcast in the turn of close still leaves", async () => {
  const { a, b } = cluster();
  const { got } = await member(b);
  a.room("lobby").broadcast("message", { n: 1 });
  const closed = a.close();
  await until(() => got.length === 1);
  await closed;
});

test("a closed node gets no events, sends none, and listens to none", async () => {
  const { a, b } = cluster();
  const got: unknown[] = [];
  await b.onServer("rebalance", (it) => got.push(it)).ready;
  const here: unknown[] = [];
  await a.onServer("rebalance", (it) => here.push(it)).ready;
  const closed = b.close();
  a.emitServer("rebalance", { shard: 1 });
  await closed;
  a.emitServer("rebalance", { shard: 2 });
  b.emitServer("rebalance", { shard: 3 });
  b.room("lobby").broadcast("message", { n: 1 });
  b.publish("presence", { count: 1 });
  const off = b.onServer("rebalance", (it) => got.push(it));
  expect(await off.ready).toEqual({ live: false });
  a.emitServer("rebalance", { shard: 4 });
  await settled();
  expect(got).toEqual([]);
  expect(here).toEqual([]);
  expect(leftOver(b)).toEqual({});
  off();
});

test("nothing is held when the last client has left, but the numbers of channels that were sent to", async () => {
  const { nodes, bus } = cluster();
  const [a] = nodes as [Made];
  const lone = node(new MemoryBus());
  for (const { srv } of [a, lone]) {
    const peers: Peer[] = [];
    for (const at of upTo(20)) {
      const peer = await connect(srv);
      await peer.call("req", 1, "join", { room: `room ${at % 5}` });
      await peer.call("req", 2, "join", { room: "lobby" });
      await peer.call("sub", 3, "presence");
      peers.push(peer);
    }
    srv.room("lobby").broadcast("message", { n: 1 });
    srv.publish("presence", { count: 1 });
    expect(srv.stats().sizes["channels"]).toBe(7);
    expect(srv.stats().sizes["interests"]).toBe(7);
    for (const peer of peers) peer.leave();
    await settled();
  }
  expect(leftOver(lone.srv)).toEqual({});
  // Forgetting them at once would let envelopes pass for new that are old: they go after a minute or two unused.
  expect(leftOver(a.srv)).toEqual({ sequences: 2 });
  await a.srv.close();
  expect(leftOver(a.srv)).toEqual({});
  expect(bus.size).toBe(2);
});
