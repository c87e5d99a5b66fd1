import { afterEach, expect, test } from "bun:test";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import type { ConnectionInfo } from "../../mod.ts";
import { leftOver, type TestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, thrown, until, within } from "../helpers/wait.ts";
import { cluster, endAll, endings, node, raw, upTo } from "./nodes.ts";

afterEach(endAll);

const options = {
  identify: (conn: { ctx: { name: string } }) => conn.ctx.name,
  describe: (conn: { ctx: { name: string } }) => ({ name: conn.ctx.name }),
};

/** Watches, and writes down what it is told. */
function watch(srv: TestServer, who: { room?: string; userId?: string } = {}) {
  const told: string[] = [];
  const there = new Map<string, ConnectionInfo>();
  const off = srv.cluster.watch(who, {
    join: (info) => {
      expect(there.has(info.id)).toBe(false);
      there.set(info.id, info);
      told.push(`+${info.name}`);
    },
    leave: (info) => {
      expect(there.delete(info.id)).toBe(true);
      told.push(`-${info.name}`);
    },
  });
  return { told, there, off };
}

const joinAll = (srv: TestServer, room = "lobby") => {
  for (const conn of srv.local.connections) void srv.room(room).add(conn);
};

function two() {
  const bus = new MemoryBus();
  const [{ srv: a }, { srv: b, errors }] = [
    node(bus, {}, options),
    node(bus, {}, options),
  ];
  return { bus, a, b, errors };
}

test("a room is watched on all nodes: who is there first, then who comes and goes", async () => {
  const { a, b } = two();
  await connect(a, { name: "ada" });
  const bob = await connect(b, { name: "bob" });
  joinAll(a);
  joinAll(b);
  const seen = watch(a, { room: "lobby" });
  expect(await within(seen.off.ready)).toEqual({ live: true });
  expect(seen.told.toSorted()).toEqual(["+ada", "+bob"]);
  expect([...seen.there.values()].find(({ name }) => name === "bob"))
    .toMatchObject({
      ...{ nodeId: b.nodeId, role: "user", userId: "bob" },
      rooms: ["lobby"],
    });
  const eve = await connect(b, { name: "eve" });
  await settled();
  expect(seen.told).toHaveLength(2); // in no room
  joinAll(b);
  await until(() => seen.told.at(-1) === "+eve");
  for (const conn of b.local.connections) {
    if ((conn.ctx as { name: string }).name === "bob") {
      b.room("lobby").remove(conn);
    }
  }
  await until(() => seen.told.at(-1) === "-bob");
  eve.leave();
  await until(() => seen.told.at(-1) === "-eve");
  for (const conn of a.local.connections) a.room("lobby").remove(conn);
  await until(() => seen.told.at(-1) === "-ada");
  seen.off();
  seen.off();
  bob.leave();
  await until(() => b.local.connections.length === 0);
  await until(() => b.stats().sizes["watches"] === 0);
  const { sequences: _, ...left } = leftOver(b);
  expect(left).toEqual({});
  expect(a.stats().sizes["watches"]).toBe(0);
});

test("a user's connections, and all, are watched too", async () => {
  const { a, b } = two();
  const all = watch(a);
  const ada = watch(b, { userId: "ada" });
  await within(Promise.all([all.off.ready, ada.off.ready]));
  const phone = await connect(b, { name: "ada" });
  await connect(a, { name: "ada", role: "agent" });
  await connect(b, { name: "bob" });
  await until(() => all.told.length === 3 && ada.told.length === 2);
  expect(ada.told).toEqual(["+ada", "+ada"]);
  phone.leave();
  await until(() => all.told.length === 4 && ada.told.length === 3);
  expect(thrown(() => a.cluster.watch({ userId: "" }, {})))
    .toMatchObject({ code: "BAD_REQUEST" });
});

test("several who watch one thing cost one list, and a later one is told who is there", async () => {
  const { a, b } = two();
  await connect(b, { name: "bob" });
  joinAll(b);
  const first = watch(a, { room: "lobby" });
  await within(first.off.ready);
  const { published } = b.stats().relay;
  const second = watch(a, { room: "lobby" });
  expect(second.told).toEqual(["+bob"]);
  await within(second.off.ready);
  expect(b.stats().relay.published).toBe(published);
  first.off();
  await connect(b, { name: "eve" });
  joinAll(b);
  await until(() => second.told.length === 2);
  expect(first.told).toEqual(["+bob"]);
});

test("a node that comes later is watched, and the people of one that ends leave", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus, {}, options);
  const seen = watch(a, { room: "lobby" }); // alone: there is nobody to hear
  expect(await within(seen.off.ready)).toEqual({ live: true });
  const { srv: b } = node(bus, {}, options);
  await connect(b, { name: "bob" });
  joinAll(b);
  await until(() => seen.told.length === 1);
  await b.close();
  await until(() => seen.told.length === 2);
  expect(seen.told).toEqual(["+bob", "-bob"]);
});

test("what came and went in an outage is told after it, once", async () => {
  const { bus, a, b } = two();
  await connect(b, { name: "stays" });
  const goes = await connect(b, { name: "goes" });
  joinAll(b);
  const seen = watch(a, { room: "lobby" });
  await until(() => seen.told.length === 2);
  bus.fail();
  goes.leave();
  await connect(b, { name: "comes" });
  joinAll(b);
  await settled();
  expect(seen.told).toHaveLength(2);
  bus.restore();
  await until(() => seen.told.length === 4);
  await settled();
  expect(seen.told.slice(2).toSorted()).toEqual(["+comes", "-goes"]);
});

test("a message that is lost is noticed with the next one", async () => {
  const bus = new MemoryBus();
  const adapter = createInMemoryAdapter(bus);
  let lossy = false;
  const lossyAdapter = {
    limits: adapter.limits,
    open: adapter.open.bind(adapter),
    subscribe: adapter.subscribe.bind(adapter),
    unsubscribe: adapter.unsubscribe.bind(adapter),
    close: adapter.close.bind(adapter),
    publish: (channel: string, payload: string) => {
      if (!lossy) adapter.publish(channel, payload);
    },
  };
  const { srv: b } = node(bus, {}, { ...options, adapter: lossyAdapter });
  const { srv: a } = node(bus, {}, options);
  const seen = watch(a, { room: "lobby" });
  await within(seen.off.ready);
  lossy = true;
  const gone = await connect(b, { name: "lost" });
  joinAll(b);
  await settled();
  lossy = false;
  await connect(b, { name: "next" });
  joinAll(b);
  await until(() => seen.told.length === 2);
  expect(seen.told.toSorted()).toEqual(["+lost", "+next"]);
  gone.leave();
  await until(() => seen.told.at(-1) === "-lost");
});

test("a long list comes in parts, whole", async () => {
  const { a, b } = two();
  const peers = await Promise.all(
    upTo(400).map((n) => connect(b, { name: `${n} ${"x".repeat(200)}` })),
  );
  joinAll(b);
  const seen = watch(a, { room: "lobby" });
  expect(await within(seen.off.ready)).toEqual({ live: true });
  expect(seen.there.size).toBe(400);
  for (const peer of peers) peer.leave();
  await until(() => seen.there.size === 0);
});

test("while nobody watches nothing is sent, and after the last one has gone neither", async () => {
  const { a, b, c } = cluster();
  const peer = await connect(b);
  joinAll(b);
  const { published } = b.stats().relay;
  const { off } = watch(a, { room: "lobby" });
  await within(off.ready);
  expect(c.stats().relay.published).toBe(1); // that nobody is there
  off();
  await until(() => b.stats().sizes["watches"] === 0);
  await connect(b);
  joinAll(b);
  peer.leave();
  await until(() => b.local.connections.length === 1);
  await settled();
  expect(b.stats().relay.published).toBe(published + 1);
});

test("a listener that throws hurts no other, and a message that is no list is reported", async () => {
  const bus = new MemoryBus();
  const { srv: a, errors } = node(bus, {}, options);
  endings.push(
    a.cluster.watch({}, {
      join: () => {
        throw new Error("no");
      },
    }),
  );
  const seen = watch(a);
  await within(seen.off.ready);
  await connect(a);
  await until(() => seen.told.length === 1);
  expect(errors).toMatchObject([{ info: { source: "hook", name: "watch" } }]);
  const { adapter, host } = raw(bus);
  await within(adapter.subscribe("c"));
  const far = { id: "x", name: "far", role: "user", connectedAt: 0, rooms: [] };
  for (
    const [at, message] of [
      ["members", "", 1, "only", [null], []],
      ["members", "", 2, "only", 7],
      ["members", "", 3, "only", [{ id: "x", name: "x" }], []],
      ["members", "", 4, "only", [far], []],
    ].entries()
  ) {
    adapter.publish(
      `node:${a.nodeId}`,
      `1 ${host.nodeId} e ${at + 1} t\n${JSON.stringify(message)}`,
    );
  }
  await until(() => seen.told.length === 2);
  expect(seen.told).toEqual(["+ada", "+far"]);
});

test("with reach off nobody is watched", () => {
  const { srv } = node(new MemoryBus(), {}, { reach: false });
  expect(thrown(() => srv.cluster.watch({ room: "lobby" }, {})))
    .toMatchObject({ code: "UNAVAILABLE" });
});
