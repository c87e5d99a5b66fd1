import { afterEach, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  type ErrorInfo,
  type Serializer,
} from "../mod.ts";
import { createClient } from "../src/client/client.ts";
import { seal } from "../src/envelope.ts";
import { RecordingHost } from "../src/testing/recording_host.ts";
import { loopback } from "../src/testing/mod.ts";
import {
  api,
  createTestServer,
  leftOver,
  type Made,
  type Overrides,
  type TestOptions,
  type TestServer,
} from "./helpers/api.ts";
import { connect, type Peer } from "./helpers/peer.ts";
import { settled, thrown, until, within } from "./helpers/wait.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Adds a node to a bus. */
function node(
  bus: MemoryBus,
  handlers: Overrides = {},
  options: TestOptions = {},
): Made {
  const made = createTestServer(
    { adapter: createInMemoryAdapter(bus), ...options },
    handlers,
  );
  endings.push(() => made.srv.close());
  return made;
}

/** Three nodes on one bus. */
function cluster(handlers: Overrides = {}) {
  const bus = new MemoryBus();
  const nodes = [node(bus, handlers), node(bus, handlers), node(bus, handlers)];
  const [a, b, c] = nodes.map(({ srv }) => srv) as Three;
  return { bus, nodes, a, b, c };
}

type Three = [TestServer, TestServer, TestServer];

function client(srv: TestServer) {
  const it = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
  });
  endings.push(() => it.close());
  return it;
}

function agent(srv: TestServer) {
  const it = createClient(api, {
    url: "ws://app.test",
    role: "agent",
    WebSocket: loopback(srv),
  });
  endings.push(() => it.close());
  return it;
}

/** A client that is in a room, and what it got there. */
async function member(srv: TestServer, room = "lobby") {
  const it = client(srv);
  const got: number[] = [];
  it.on("message", ({ n }) => got.push(n));
  const joined = await it.join({ room });
  return { client: it, got, joined };
}

/** A node that speaks to the bus directly. */
function raw(bus: MemoryBus) {
  const host = new RecordingHost();
  const adapter = createInMemoryAdapter(bus);
  adapter.open(host);
  endings.push(() => adapter.close());
  return { host, adapter };
}

const upTo = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => from + at);

describe("fan-out", () => {
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
    subs[0]?.unsubscribe();
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
});

describe("server events", () => {
  test("reach the listeners of the other nodes in order, not those of the sender", async () => {
    const { a, b, c } = cluster();
    const got: Record<string, number[]> = { a: [], b: [], b2: [], c: [] };
    const listeners = [
      a.onServer("rebalance", ({ shard }) => got["a"]?.push(shard)),
      b.onServer("rebalance", ({ shard }) => got["b"]?.push(shard)),
      b.onServer("rebalance", ({ shard }) => got["b2"]?.push(shard)),
      c.onServer("rebalance", ({ shard }) => got["c"]?.push(shard)),
    ];
    for (const { ready } of listeners) {
      expect(await ready).toEqual({ live: true });
    }
    for (const shard of upTo(300)) a.emitServer("rebalance", { shard });
    await until(() => got["c"]?.length === 300);
    expect(got).toEqual({
      a: [],
      b: upTo(300),
      b2: upTo(300),
      c: upTo(300),
    });
  });

  test("off ends a listener at once and for good, and only that one", async () => {
    const { a, b } = cluster();
    const got: string[] = [];
    const off = b.onServer("rebalance", ({ shard }) => got.push(`1 ${shard}`));
    const other = b.onServer(
      "rebalance",
      ({ shard }) => got.push(`2 ${shard}`),
    );
    await Promise.all([off.ready, other.ready]);
    off();
    off();
    a.emitServer("rebalance", { shard: 1 });
    await until(() => got.length === 1);
    other();
    a.emitServer("rebalance", { shard: 2 });
    await settled();
    expect(got).toEqual(["2 1"]);
    expect(leftOver(b)).toEqual({});
    const again = b.onServer("rebalance", ({ shard }) => got.push(`${shard}`));
    off();
    await again.ready;
    a.emitServer("rebalance", { shard: 3 });
    await until(() => got.length === 2);
    expect(got).toEqual(["2 1", "3"]);
  });

  test("data that the schema refuses throws at emit, with the issues, and nobody gets it", async () => {
    const { a, b } = cluster();
    const got: unknown[] = [];
    await b.onServer("rebalance", (it) => got.push(it)).ready;
    const error = thrown(() =>
      a.emitServer("rebalance", { shard: "one" } as never)
    );
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain('"rebalance"');
    expect((error as Error).cause).toMatchObject({
      issues: [{ path: ["shard"] }],
    });
    expect(thrown(() => a.emitServer("nothing" as never, {} as never)))
      .toBeInstanceOf(TypeError);
    expect(thrown(() => a.onServer("nothing" as never, () => {})))
      .toBeInstanceOf(TypeError);
    await settled();
    expect(got).toEqual([]);
    expect(a.stats().relay.published).toBe(0);
  });

  test("data of a node with another schema is reported, and no listener called", async () => {
    const { bus, nodes: [, made] } = cluster();
    if (!made) throw new Error("no node");
    const other = defineContract({
      roles: { user: {} },
      serverToServer: { rebalance: z.object({ shard: z.string() }) },
    });
    const stranger = createSocketServer(other, {
      authenticate: () => ({ role: "user" as const }),
      adapter: createInMemoryAdapter(bus),
    });
    endings.push(() => stranger.close());
    const got: unknown[] = [];
    await made.srv.onServer("rebalance", (it) => got.push(it)).ready;
    stranger.emitServer("rebalance", { shard: "one" });
    await until(() => made.errors.length > 0);
    expect(made.errors).toHaveLength(1);
    const [{ error, info } = { error: undefined, info: undefined }] =
      made.errors;
    expect(info).toMatchObject({ source: "serverEvent", name: "rebalance" });
    expect(error).toBeInstanceOf(TypeError);
    expect(`${(error as Error).cause}`).toContain("shard");
    expect(got).toEqual([]);
  });

  test("a listener that throws, now or later, is reported and hurts no other", async () => {
    const { a, nodes: [, made] } = cluster();
    if (!made) throw new Error("no node");
    const got: number[] = [];
    const now = new Error("now");
    const later = new Error("later");
    await Promise.all([
      made.srv.onServer("rebalance", () => {
        throw now;
      }).ready,
      made.srv.onServer("rebalance", () => Promise.reject(later)).ready,
      made.srv.onServer("rebalance", ({ shard }) => got.push(shard)).ready,
    ]);
    a.emitServer("rebalance", { shard: 1 });
    a.emitServer("rebalance", { shard: 2 });
    await until(() => made.errors.length === 4);
    expect(got).toEqual([1, 2]);
    expect(made.errors.filter(({ error }) => error === now)).toHaveLength(2);
    expect(made.errors.filter(({ error }) => error === later)).toHaveLength(2);
    expect(made.errors[0]?.info satisfies ErrorInfo | undefined)
      .toMatchObject({ source: "serverEvent", name: "rebalance" });
  });
});

describe("a bus that is down", () => {
  test("does not keep a node's own members from their messages", async () => {
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

  test("makes joins and subscriptions local at once, and live when it is back", async () => {
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

  test("at the start keeps no client out", async () => {
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

  test("forgets who left meanwhile", async () => {
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
});

describe("foreign payloads", () => {
  test("are dropped, counted and reported once, and what follows arrives", async () => {
    const { a, b, bus, nodes } = cluster();
    const { got } = await member(b);
    const stranger = raw(bus).adapter;
    const inject = (payload: string) => stranger.publish("room:lobby", payload);
    const frame = (n: number) => `["evt","message",{"n":${n}}]`;
    inject("garbage");
    inject("");
    inject(`2 ${a.nodeId} e 1 t\n${frame(101)}`);
    inject(`1 x e 1 t\n["res",1,{"ok":true}]`);
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

  test("on a server event's channel do not reach a listener", async () => {
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
    expect(nodes[1]?.errors).toHaveLength(5);
  });
});

describe("limits", () => {
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
});

describe("ending", () => {
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
});
