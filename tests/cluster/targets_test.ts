import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  type ErrorInfo,
} from "../../mod.ts";
import { leftOver } from "../helpers/api.ts";
import { connect, connectMany, type Peer } from "../helpers/peer.ts";
import { settled, thrown, until } from "../helpers/wait.ts";
import { cluster, endAll, endings, node, raw, upTo } from "./nodes.ts";

afterEach(endAll);

const identify = (conn: { ctx: { name: string } }) => conn.ctx.name;
/** The id that the server gave to a peer. */
const idOf = (peer: Peer) => (peer.of("hi")[0]?.[1] as { id: string }).id;
const numbers = (peer: Peer) =>
  peer.of("evt").map(([, , data]) => (data as { n: number }).n);

test("toConn reaches one connection on its node and on another, in order, and nobody else", async () => {
  const { a, b, c } = cluster();
  const [here, there, other] = await Promise.all(
    [a, b, c].map((srv) => connect(srv)),
  ) as [Peer, Peer, Peer];
  for (const n of upTo(300)) {
    a.toConn(idOf(here)).emit("message", { n });
    a.toConn(idOf(there)).emit("message", { n });
    if (n % 100 === 0) await settled();
  }
  await until(() => numbers(there).length === 300);
  expect(numbers(here)).toEqual(upTo(300));
  expect(numbers(there)).toEqual(upTo(300));
  expect(other.of("evt")).toEqual([]);
  expect(c.stats().relay.received).toBe(0);
});

test("what is sent to a connection of the own node needs no broker", async () => {
  const { a, bus } = cluster();
  const peer = await connect(a);
  await settled(); // the node has told the others of itself
  bus.fail();
  a.toConn(idOf(peer)).emit("message", { n: 1 });
  await until(() => numbers(peer).length === 1);
  expect(a.stats().relay).toMatchObject({ published: 0, dropped: 0 });
});

test("toConn of an id that nobody has, of a node that is none, or of no id at all does nothing", async () => {
  const { a, b } = cluster();
  const peer = await connect(a);
  for (
    const id of [
      `${a.nodeId}.gone`,
      `${b.nodeId}.gone`,
      "x.y",
      "nothing",
      "",
      "a b.c",
    ]
  ) {
    a.toConn(id).emit("message", { n: 1 });
    a.toConn(id).close(4409);
  }
  await settled();
  expect(peer.of("evt")).toEqual([]);
  expect(peer.end).toBeUndefined();
  expect(thrown(() => a.toConn(7 as never))).toBeInstanceOf(TypeError);
});

test("close ends a connection on another node with code and reason, after what was sent to it", async () => {
  const { a, b } = cluster();
  const [peer] = await connectMany(b, 1) as [Peer];
  a.toConn(idOf(peer)).emit("message", { n: 1 });
  a.toConn(idOf(peer)).close(4409, "é".repeat(100));
  await until(() => peer.end);
  expect(numbers(peer)).toEqual([1]);
  expect(peer.end).toEqual({ code: 4409, reason: "é".repeat(61) });
  expect(b.local.connections).toEqual([]);
});

test("close alone ends a connection on another node", async () => {
  const { a, b } = cluster();
  const [peer, other] = await connectMany(b, 2) as [Peer, Peer];
  a.toConn(idOf(peer)).close(4409, "moved");
  await until(() => peer.end);
  expect(peer.end).toEqual({ code: 4409, reason: "moved" });
  expect(other.end).toBeUndefined();
  expect(b.stats().relay.foreign).toBe(0);
});

test("close takes nothing with it of what the same turn sends to others", async () => {
  const { a, b } = cluster();
  const [peer, other, third] = await connectMany(b, 3) as [Peer, Peer, Peer];
  a.toConn(idOf(peer)).close(4409);
  a.toConn(idOf(other)).emit("message", { n: 1 });
  a.toConn(idOf(peer)).emit("message", { n: 2 });
  a.toConn(idOf(third)).close(4001, "third");
  a.toConn(idOf(other)).emit("message", { n: 3 });
  await until(() => peer.end && third.end && numbers(other).length === 2);
  expect(numbers(other)).toEqual([1, 3]);
  expect(numbers(peer)).toEqual([]);
  expect([peer.end?.code, third.end?.code]).toEqual([4409, 4001]);
});

test("toUser reaches all connections of a user, whatever their role and node, and close ends them after what was sent", async () => {
  const bus = new MemoryBus();
  const [{ srv: a }, { srv: b }] = [
    node(bus, {}, { identify }),
    node(bus, {}, { identify }),
  ];
  const ada = await Promise.all([
    connect(a),
    connect(b),
    connect(b, { role: "agent" }),
  ]);
  const bob = await connect(b, { name: "bob" });
  a.toUser("ada").emit("message", { n: 1 });
  await until(() => ada.every((peer) => numbers(peer).length === 1));
  b.toUser("ada").emit("message", { n: 2 });
  b.toUser("ada").close(4409, "elsewhere");
  await until(() => ada.every((peer) => peer.end));
  for (const peer of ada) {
    expect(numbers(peer)).toEqual([1, 2]);
    expect(peer.end).toEqual({ code: 4409, reason: "elsewhere" });
  }
  expect(bob.of("evt")).toEqual([]);
  expect(bob.end).toBeUndefined();
  bob.leave();
  await until(() => b.local.connections.length === 0);
  const { sequences: _, ...left } = leftOver(b);
  expect(left).toEqual({});
});

test("toUser without identify, and of what is no name, throws", () => {
  const { a } = cluster();
  expect(thrown(() => a.toUser("ada"))).toBeInstanceOf(TypeError);
  const { srv } = node(new MemoryBus(), {}, { identify });
  expect(thrown(() => srv.toUser(""))).toMatchObject({ code: "BAD_REQUEST" });
});

test("an identify that throws, or names nobody well, ends its connection and hurts no other", async () => {
  const { srv, errors } = node(new MemoryBus(), {}, {
    identify: ({ ctx }: { ctx: { name: string } }) => {
      if (ctx.name === "eve") throw new Error("no");
      return ctx.name === "max" ? "" : undefined;
    },
  });
  const eve = await connect(srv, { name: "eve" });
  const max = await connect(srv, { name: "max" });
  const ada = await connect(srv);
  expect(eve.end).toEqual({ code: 1011, reason: "the server failed" });
  expect(max.end?.code).toBe(1011);
  expect(ada.of("hi")).toHaveLength(1);
  expect(errors.map(({ info }) => info.name)).toEqual(["identify", "identify"]);
  ada.leave();
  await until(() => srv.local.connections.length === 0);
  expect(leftOver(srv)).toEqual({});
});

test("toRole reaches a role's connections on every node, and a node without any is not sent it", async () => {
  const { a, b, c } = cluster();
  const agents = await Promise.all(
    [a, a, b].map((srv) => connect(srv, { role: "agent" })),
  );
  const user = await connect(c);
  for (const n of upTo(100)) {
    b.toRole("agent").emit("order", { prompt: `${n}` });
    if (n === 50) b.toRole("agent").emit("message", { n: 0 });
  }
  for (const peer of agents) {
    await until(() => peer.of("evt").length === 101);
    expect(peer.of("evt")[51]).toEqual(["evt", "message", { n: 0 }]);
    expect(
      peer.of("evt").filter(([, name]) => name === "order").map(([, , data]) =>
        (data as { prompt: string }).prompt
      ),
    )
      .toEqual(upTo(100).map(String));
  }
  expect(user.of("evt")).toEqual([]);
  expect(c.stats().relay.received).toBe(0);
  for (const peer of agents) peer.leave();
  await until(() => a.local.connections.length === 0);
  b.toRole("agent").emit("order", { prompt: "x" });
  await settled();
  const { received } = a.stats().relay;
  b.toRole("agent").emit("order", { prompt: "x" });
  await settled();
  expect(a.stats().relay.received).toBe(received);
});

test("a role's event does not reach a connection of another role, on any node, and is reported where it would have", async () => {
  const bus = new MemoryBus();
  const [a, b] = [node(bus), node(bus)];
  const here = await connect(a.srv);
  const there = await connect(b.srv);
  const agent = await connect(b.srv, { role: "agent" });
  for (const peer of [here, there, agent]) {
    a.srv.toConn(idOf(peer), "agent").emit("order", { prompt: "x" });
  }
  await until(() => agent.of("evt").length === 1 && b.errors.length === 1);
  expect([here, there].map((peer) => peer.of("evt"))).toEqual([[], []]);
  for (const { errors } of [a, b]) {
    expect(errors).toMatchObject([{ info: { source: "output" } }]);
  }
  expect(
    thrown(() => a.srv.toConn(idOf(agent)).emit("order" as never, {} as never)),
  )
    .toBeInstanceOf(TypeError);
  expect(thrown(() => a.srv.toRole("user").emit("order" as never, {} as never)))
    .toBeInstanceOf(TypeError);
  expect(thrown(() => a.srv.toRole("nobody" as never))).toBeInstanceOf(
    TypeError,
  );
});

test("data that the schema refuses throws at emit, and nobody gets it", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus, {}, { identify });
  const { srv: b } = node(bus, {}, { identify });
  const peer = await connect(b);
  const wrong = { n: "1" } as never;
  for (
    const emit of [
      () => a.toConn(idOf(peer)).emit("message", wrong),
      () => a.toUser("ada").emit("message", wrong),
      () => a.toRole("user").emit("message", wrong),
      () => a.room("lobby").except().broadcast("message", wrong),
    ]
  ) {
    expect(thrown(emit)).toMatchObject({
      name: "TypeError",
      cause: { issues: [{ path: ["n"] }] },
    });
  }
  await settled();
  expect(peer.of("evt")).toEqual([]);
});

test("room.except leaves out a connection and keeps order with what goes to all", async () => {
  const { a, b } = cluster({
    join: async ({ room }, _ctx, conn) => {
      await a.room(room).add(conn as never);
      return { live: true };
    },
  });
  const peers = await connectMany(a, 3);
  for (const conn of a.local.connections) await a.room("lobby").add(conn);
  const far = await connect(b);
  for (const conn of b.local.connections) await b.room("lobby").add(conn);
  const [first] = a.local.connections;
  if (!first) throw new Error("nobody there");
  expect(first.rooms).toEqual(["lobby"]);
  const room = a.room("lobby");
  for (const n of upTo(30)) {
    if (n % 3 === 1) room.except(first).broadcast("message", { n });
    else room.broadcast("message", { n });
    if (n % 10 === 0) await settled();
  }
  await until(() => numbers(far).length === 30);
  const left = peers.find((peer) => idOf(peer) === first.id);
  for (const peer of [...peers, far]) {
    expect(numbers(peer)).toEqual(
      peer === left ? upTo(30).filter((n) => n % 3 !== 1) : upTo(30),
    );
  }
  const foreign = b.local.connections[0];
  expect(thrown(() => room.except(foreign as never))).toBeInstanceOf(TypeError);
});

test("conn.rooms are the rooms that a connection is in, by their own names", async () => {
  const { a } = cluster();
  await connect(a);
  const [conn] = a.local.connections;
  if (!conn) throw new Error("nobody there");
  await a.room("a:b%").add(conn);
  await a.room("lobby").add(conn);
  expect(conn.rooms.toSorted()).toEqual(["a:b%", "lobby"]);
  a.room("lobby").remove(conn);
  expect(conn.rooms).toEqual(["a:b%"]);
});

test("binary payloads reach one connection on another node, as they are", async () => {
  const contract = defineContract({
    shared: {
      serverToClient: { tick: { payload: z.object({ n: z.number() }) } },
    },
    roles: { user: {} },
    serializer: {
      name: "bytes",
      encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
      decode: (data) =>
        JSON.parse(new TextDecoder().decode(data as Uint8Array)),
    },
  });
  const bus = new MemoryBus();
  const errors: [unknown, ErrorInfo][] = [];
  const [a, b] = [1, 2].map(() => {
    const srv = createSocketServer(contract, {
      authenticate: () => ({ role: "user" as const }),
      adapter: createInMemoryAdapter(bus),
      onError: (...told) => void errors.push(told),
    }).implement({});
    endings.push(() => srv.close());
    return srv;
  });
  if (!a || !b) throw new Error("no nodes");
  const there = await connect(b);
  const twin = await connect(b);
  for (const n of upTo(20)) {
    a.toConn(idOf(there)).emit("tick", { n });
    a.toConn(idOf(twin)).emit("tick", { n });
  }
  b.toConn(idOf(there)).emit("tick", { n: -1 });
  const bytes = (peer: Peer) =>
    peer.messages.filter((it) => typeof it !== "string");
  await until(() => bytes(there).join().length > 0 && bytes(twin).length > 0);
  await settled();
  const ns = bytes(there).flatMap((it) =>
    [...new TextDecoder().decode(it as Uint8Array).matchAll(/"n":(-?\d+)/g)]
      .map(([, n]) => Number(n))
  );
  expect(ns.filter((n) => n >= 0)).toEqual(upTo(20));
  expect(errors).toEqual([]);
});

test("with reach off nothing is subscribed for the node's own sake, and what is on another node throws", async () => {
  const bus = new MemoryBus();
  const { host } = raw(bus);
  const { srv } = node(bus, {}, { reach: false });
  const peer = await connect(srv);
  srv.toConn(idOf(peer)).emit("message", { n: 1 });
  await until(() => numbers(peer).length === 1);
  expect(thrown(() => srv.toConn("x.y").emit("message", { n: 1 })))
    .toMatchObject({ code: "UNAVAILABLE" });
  expect(thrown(() => srv.toRole("user").emit("message", { n: 1 })))
    .toMatchObject({ code: "UNAVAILABLE" });
  expect(srv.stats().sizes).toMatchObject({ channels: 0, interests: 0 });
  expect(host.count).toBe(0);
});

test("messages that are none on a node's channel are refused, and those beside them arrive", async () => {
  const bus = new MemoryBus();
  const { srv, errors } = node(bus);
  const { adapter, host } = raw(bus);
  const peer = await connect(srv);
  const id = idOf(peer);
  const send = (seq: number, text: string) =>
    adapter.publish(
      `node:${srv.nodeId}`,
      `1 ${host.nodeId} e ${seq} t\n${text}`,
    );
  send(1, '["event","');
  send(2, `["event","${id}","shared"]`); // no frame in it
  send(3, '["node",1]\n["unheard",1]\n["close"]');
  const event = (n: number) => `["evt","message",{"n":${n}}]`;
  send(
    4,
    [
      `["event","${id}","shared",["res",1,{"ok":true}]]`,
      `["event","${id}","shared",["evt",7]]`,
      `["event","${id}","shared",{"fields":["evt","x"],"payload":"%"}]`,
      `["event","${id}","shared",${event(1)}]`,
      `["event","${id}","shared",["evt","message"`,
      `["event","${id}","shared",${event(2)}]`,
    ].join("\n"),
  );
  await until(() => numbers(peer).length === 2);
  expect(numbers(peer)).toEqual([1, 2]);
  expect(peer.of("res")).toEqual([]);
  expect(errors).toHaveLength(1);
  expect(srv.stats().relay.foreign).toBe(8);
  expect(peer.end).toBeUndefined();
});

test("20 000 messages that cannot be taken are counted, and reported once for each kind of channel", async () => {
  const bus = new MemoryBus();
  const { srv, errors } = node(bus);
  const { adapter, host } = raw(bus);
  await until(() => host.count === 0 && srv.stats().sizes);
  for (const n of upTo(10_000, 1)) {
    adapter.publish("nodes", `1 ${host.nodeId} e ${n} t\n["request",${n}]`);
    adapter.publish(
      `node:${srv.nodeId}`,
      `1 ${host.nodeId} e ${n} t\n["event"]`,
    );
  }
  await until(() => srv.stats().relay.foreign === 20_000);
  expect(errors).toHaveLength(2);
});
