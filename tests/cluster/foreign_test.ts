import { afterEach, expect, jest, test } from "bun:test";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { createNode } from "../../src/server/create_node.ts";
import { api, authenticateByQuery } from "../helpers/api.ts";
import { seal } from "../../src/server/fanout/envelope.ts";
import { connect } from "../helpers/peer.ts";
import { settled, thrown, until } from "../helpers/wait.ts";
import { cluster, endAll, endings, member, node, raw, upTo } from "./nodes.ts";

afterEach(endAll);

test("foreign payloads are dropped, counted and reported once, and what follows arrives", async () => {
  const { a, b, bus, nodes } = cluster();
  const { got } = await member(b);
  const stranger = raw(bus).adapter;
  const inject = (payload: string) => stranger.publish("room:lobby", payload);
  const frame = (n: number) => `["evt","message",{"n":${n}}]`;
  inject("garbage");
  inject("");
  inject(`2 ${a.nodeId} e 1 t\n${frame(101)}`);
  inject(`1 y e 1 t\n["res",1,{"ok":true}]`);
  inject(`1 x e 1 t\n${"x".repeat(1_100_000)}`);
  await settled();
  expect(b.stats().relay.foreign).toBe(5);
  expect(nodes[1]?.errors).toHaveLength(1);
  expect(nodes[1]?.errors[0]?.info).toEqual({ source: "adapter" });

  inject(seal(b.nodeId, "e", 1, frame(102))); // as if it were its own
  for (const seq of [5, 5, 4, 8]) inject(seal("x", "e", seq, frame(seq)));
  await until(() => got.length === 2);
  expect(got).toEqual([5, 8]);
  expect(b.stats().relay).toMatchObject({
    foreign: 5,
    repeated: 2,
    missed: 2,
    received: 2,
  });
  a.room("lobby").broadcast("message", { n: 9 });
  await until(() => got.length === 3);
  expect(got).toEqual([5, 8, 9]);
  expect(nodes[1]?.errors).toHaveLength(1);
});

test("only what nodes send on a kind of channel reaches its clients, and a bad frame drops only itself", async () => {
  const bus = new MemoryBus();
  const { srv, errors } = node(bus, {}, {
    identify: (conn: { ctx: { name: string } }) => conn.ctx.name,
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "join", { room: "lobby" });
  await peer.call("sub", 2, "presence");
  const before = peer.messages.length;
  const { adapter: stranger } = raw(bus);
  const channels = {
    "room:lobby": '["evt","message",{"n":1}]',
    "user:ada": '["evt","message",{"n":2}]',
    "role:user": '["evt","message",{"n":3}]',
    "topic::presence": '["pub","presence",{"count":4}]',
  };
  const bad = [
    ...['["res",1,{"ok":true}]', '["err",2,"X","y"]', '["hi",{}]'],
    ...['["req",1,"confirm"]', '["cancel",1]', '["gap",{"dropped":1}]'],
    ...['["away",{"withinMs":0}]', '["event","x","shared",["evt","x"]]'],
    ...['["request",1,"room",["lobby"],9,["req",0,"x"]]', '["node","left",1]'],
    ...['["members","",1,"only",[],[]]', '["watch",""]', '["srv","x",1]'],
    ...['["evt","message",{"n":', '["evt"]', '["evt",7]', "[]", "null", "x"],
    ...["ping", "", '{"evt":1}', "[".repeat(1_000)],
  ];
  const binary = new Uint8Array(8);
  let seq = 0;
  let sent = 0;
  for (const [channel, good] of Object.entries(channels)) {
    const others = Object.values(channels).filter((it) =>
      it.slice(0, 6) !== good.slice(0, 6)
    );
    for (const it of [...bad, ...others]) {
      stranger.publish(channel, seal("x", "e", ++seq, `${it}\n${good}`));
      stranger.publish(channel, seal("x", "e", ++seq, `${good}\n${it}`));
      sent += 2;
    }
    stranger.publish(channel, seal("x", "e", ++seq, binary));
    sent += 1;
  }
  await until(() => srv.stats().relay.foreign === sent);
  await settled();
  const got = peer.messages.slice(before)
    .flatMap((it) => String(it).split("\n"));
  expect([...new Set(got)].toSorted())
    .toEqual(Object.values(channels).toSorted());
  expect(got).toHaveLength(sent - 4);
  expect(errors).toHaveLength(4);
  expect(peer.end).toBeUndefined();
});

test("foreign payloads on a server event's channel do not reach a listener", async () => {
  const { b, bus, nodes } = cluster();
  const got: unknown[] = [];
  await b.onServer("rebalance", (it) => got.push(it)).ready;
  const stranger = raw(bus).adapter;
  const frames = [
    '["srv","another",{"shard":1}]',
    '["evt","rebalance",{"shard":1}]',
    '["srv","rebalance"',
    '["srv","rebalance"]',
    '["srv","rebalance",null]',
    '["srv","rebalance",{"shard":1}]',
  ];
  frames.forEach((frame, at) =>
    stranger.publish("server:rebalance", seal("x", "e", at + 1, frame))
  );
  await until(() => got.length > 0);
  expect(got).toEqual([{ shard: 1 }]);
  expect(b.stats().refusedServerEvents).toBe(3);
  expect(b.stats().relay.foreign).toBe(2); // no frame of a server event
  expect(nodes[1]?.errors).toHaveLength(2);
});

test("a frame that the adapter cannot carry throws a RangeError before anybody got it", async () => {
  const { a, b } = cluster();
  const here = await member(a);
  const there = await member(b);
  const counts: unknown[] = [];
  await b.onServer("rebalance", (it) => counts.push(it)).ready;
  const frame = (pad: string) =>
    JSON.stringify(["evt", "message", { n: 1, pad }]);
  const room = a.room("lobby");
  const most = 1_048_576 - frame("").length;
  for (const pad of ["x".repeat(most + 1), "漢".repeat(most / 3 + 1)]) {
    const error = thrown(() => room.broadcast("message", { n: 1, pad }));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain("1048576");
  }
  const shard = { shard: 1, pad: "x".repeat(1_048_576) };
  expect(thrown(() => a.emitServer("rebalance", shard)))
    .toBeInstanceOf(RangeError);
  room.broadcast("message", { n: 2, pad: "x".repeat(most) });
  await until(() => here.got.length > 0 && there.got.length > 0);
  expect([here.got, there.got, counts]).toEqual([[2], [2], []]);
  expect(a.stats().relay.published).toBe(1);
});

test("a lone node is held to the same limit, so that a second one changes nothing", () => {
  const { srv } = node(new MemoryBus());
  const big = { n: 1, pad: "x".repeat(1_100_000) };
  expect(thrown(() => srv.room("lobby").broadcast("message", big)))
    .toBeInstanceOf(RangeError);
});

test("two nodes with one id report each other", async () => {
  jest.useFakeTimers();
  try {
    const bus = new MemoryBus();
    const errors: unknown[] = [];
    for (const _ of upTo(2)) {
      const { node: srv } = createNode(api, {
        adapter: createInMemoryAdapter(bus),
        authenticate: authenticateByQuery,
        onError: (error: unknown) => void errors.push(error),
      }, { nodeId: "twin", wakeAt: () => {} });
      endings.push(() => srv.close());
    }
    for (const _ of upTo(20)) {
      jest.advanceTimersByTime(1_000);
      await Promise.resolve();
    }
    expect(errors.map(String)).toEqual([
      expect.stringContaining('has the id "twin" too'),
      expect.stringContaining('has the id "twin" too'),
    ]);
  } finally {
    jest.useRealTimers();
  }
});
