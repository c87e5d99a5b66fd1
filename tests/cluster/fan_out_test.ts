import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  type Serializer,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { connect } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";
import {
  agent,
  client,
  cluster,
  endAll,
  endings,
  member,
  node,
  raw,
  upTo,
} from "./nodes.ts";

afterEach(endAll);

test("a broadcast reaches the room's members on every node, once and in order", async () => {
  const { a, b, c } = cluster();
  const members = await Promise.all([a, a, b, b, c].map((it) => member(it)));
  const outsider = await member(b, "other");
  expect(members.map(({ joined }) => joined)).toEqual(
    upTo(5).map(() => ({ live: true })),
  );
  for (const n of upTo(300)) {
    a.room("lobby").broadcast("message", { n });
    if (n % 70 === 0) await undefined;
    if (n % 100 === 0) await settled();
  }
  for (const { got } of members) {
    await until(() => got.length >= 300);
    expect(got).toEqual(upTo(300));
  }
  expect(outsider.got).toEqual([]);
});

test("each node's broadcasts keep their order beside those of the others", async () => {
  const { a, b, c } = cluster();
  const { got } = await member(b);
  for (const n of upTo(200)) {
    a.room("lobby").broadcast("message", { n });
    b.room("lobby").broadcast("message", { n: 1_000 + n });
    c.room("lobby").broadcast("message", { n: 2_000 + n });
    if (n % 30 === 0) await settled();
  }
  await until(() => got.length === 600);
  for (const from of [0, 1_000, 2_000]) {
    expect(got.filter((n) => n >= from && n < from + 1_000))
      .toEqual(upTo(200, from));
  }
});

test("a shared topic reaches subscribers of every role and node, until they unsubscribe", async () => {
  const { a, b, c } = cluster();
  const got: string[] = [];
  const listener = (at: number) => ({ count }: { count: number }) =>
    got.push(`${at} ${count}`);
  const subs = [
    client(a).subscribe("presence", listener(0)),
    client(b).subscribe("presence", listener(1)),
    agent(c).subscribe("presence", listener(2)),
  ];
  for (const { ready } of subs) expect(await ready).toEqual({ live: true });
  b.publish("presence", { count: 7 });
  await until(() => got.length === 3);
  expect(got.toSorted()).toEqual(["0 7", "1 7", "2 7"]);
  subs[0]?.();
  await until(() => a.local.topics.size === 0);
  b.publish("presence", { count: 8 });
  await until(() => got.length === 5);
  expect(got.toSorted()).not.toContain("0 8");
  // The node without a subscriber is not sent it any more.
  expect(a.stats().relay.received).toBe(1);
});

test("a role's topic reaches that role on every node, and not the topic of the same name of another", async () => {
  const { a, b } = cluster();
  const got: string[] = [];
  const sub = agent(b).subscribe("task", ({ prompt }) => got.push(prompt));
  expect(await sub.ready).toEqual({ live: true });
  a.forRole("agent").publish("task", { prompt: "sum up" });
  await until(() => got.length === 1);
  expect(got).toEqual(["sum up"]);
});

test("payloads of any characters cross nodes, the schema's defaults included", async () => {
  const { a, b } = cluster();
  const it = client(b);
  const got: unknown[] = [];
  it.on("stamped", (payload) => got.push(payload));
  const room = 'a:b%3A\n"🏳️‍🌈"\0';
  await it.join({ room });
  a.room(room).broadcast("stamped", { n: 1, tag: 'a\r\n\0"\u2028🏳️‍🌈' });
  a.room(room).broadcast("stamped", { n: 2 });
  await until(() => got.length === 2);
  expect(got).toEqual([
    { n: 1, tag: 'a\r\n\0"\u2028🏳️‍🌈' },
    { n: 2, tag: "none" },
  ]);
});

test("a reply never overtakes a broadcast that its handler made before", async () => {
  const { srv } = node(cluster().bus, {
    run: ({ key }) => {
      srv.room("lobby").broadcast("message", { n: Number(key) });
      return { value: key };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "join", { room: "lobby" });
  for (const n of upTo(50, 2)) peer.say(["req", n, "run", { key: `${n}` }]);
  await peer.answer(51);
  const order = peer.frames.slice(2).map(([tag, id, value]) =>
    tag === "evt" ? `evt ${(value as { n: number }).n}` : `${tag} ${id}`
  );
  expect(order).toEqual(
    upTo(50, 2).flatMap((n) => [`evt ${n}`, `res ${n}`]),
  );
});

test("broadcasts of one turn to one channel leave as one envelope of at most 256 frames", async () => {
  const { a, b } = cluster();
  const { got } = await member(b);
  const before = a.stats().relay.published;
  for (const n of upTo(10)) a.room("lobby").broadcast("message", { n });
  await until(() => got.length === 10);
  expect(a.stats().relay.published - before).toBe(1);
  expect(b.stats().relay.received).toBe(1);
  for (const n of upTo(600)) a.room("lobby").broadcast("message", { n });
  await until(() => got.length === 610);
  expect(a.stats().relay.published - before).toBe(1 + 3);
  expect(got).toEqual([...upTo(10), ...upTo(600)]);
});

test("an envelope holds at most 64 KiB of frames, except one larger frame alone", async () => {
  const { a, bus } = cluster();
  const { host, adapter } = raw(bus);
  await adapter.subscribe("room:lobby");
  const room = a.room("lobby");
  for (const n of upTo(20)) {
    room.broadcast("message", { n, pad: "漢".repeat(4_000) });
  }
  room.broadcast("message", { n: 20, pad: "x".repeat(100_000) });
  room.broadcast("message", { n: 21 });
  const bodies = () =>
    host.received("room:lobby").map((it) => it.slice(it.indexOf("\n") + 1));
  await until(() => bodies().join("\n").includes('"n":21'));
  expect(
    bodies().flatMap((body) => body.split("\n")).map((frame) =>
      JSON.parse(frame)[2].n
    ),
  ).toEqual(upTo(22));
  for (const body of bodies()) {
    if (body.includes("\n")) {
      expect(Buffer.byteLength(body)).toBeLessThanOrEqual(65_536);
    }
  }
});

test("a lone node sends no envelope, and counts none", async () => {
  const bus = new MemoryBus();
  const { srv } = node(bus);
  const { got } = await member(srv);
  srv.room("lobby").broadcast("message", { n: 1 });
  srv.emitServer("rebalance", { shard: 1 });
  await until(() => got.length === 1);
  expect(srv.stats().relay.published).toBe(0);
});

test("payloads of a binary serializer cross nodes, alone and joined, beside server events", async () => {
  const bytes: Serializer = {
    name: "bytes",
    encode: (value) =>
      new TextEncoder().encode(`\xff\0${JSON.stringify(value)}`),
    decode: (data) => {
      const text = typeof data === "string"
        ? data
        : new TextDecoder().decode(data);
      return JSON.parse(text.slice(2));
    },
  };
  const binary = defineContract({
    shared: {
      serverToClient: {
        tick: { payload: z.object({ n: z.number() }), subscribe: true },
      },
    },
    roles: { user: {} },
    serverToServer: { note: z.object({ text: z.string() }) },
    serializer: bytes,
  });
  const bus = new MemoryBus();
  const create = () => {
    const srv = createSocketServer(binary, {
      authenticate: () => ({ role: "user" as const }),
      adapter: createInMemoryAdapter(bus),
    });
    endings.push(() => srv.close());
    return srv.implement({});
  };
  const [a, b] = [create(), create()];
  const it = createClient(binary, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(b),
  });
  endings.push(() => it.close());
  const got: number[] = [];
  await it.subscribe("tick", ({ n }) => got.push(n)).ready;
  const notes: string[] = [];
  await b.onServer("note", ({ text }) => notes.push(text)).ready;
  for (const n of upTo(300)) a.publish("tick", { n });
  a.emitServer("note", { text: "a\nb" });
  a.emitServer("note", { text: "c" });
  await until(() => got.length >= 300 && notes.length >= 2);
  expect(got).toEqual(upTo(300));
  expect(notes).toEqual(["a\nb", "c"]);
  expect(b.stats().relay.foreign).toBe(0);
});
