/** The same questions as in `connections_test.ts`, answered by the registry; and how it heals. */
import { afterEach, expect, test } from "bun:test";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { rejection, settled, thrown, until, within } from "../helpers/wait.ts";
import { endAll, node } from "./nodes.ts";
import { registerRefusedPresenceSuite } from "./refused_presence_suite.ts";

afterEach(endAll);

const options = {
  presence: { ttlMs: 1_000 },
  reach: false, // nobody is asked
  identify: (conn: { ctx: { name: string } }) => conn.ctx.name,
  describe: (conn: { ctx: { name: string } }) => ({
    initial: conn.ctx.name[0],
    id: "taken",
  }),
};

/** A node, and the registry of its bus under the node's own name. */
function registered(bus: MemoryBus, more: object = {}) {
  const adapter = createInMemoryAdapter(bus);
  const { srv, errors } = node(bus, {}, { adapter, ...options, ...more });
  if (!adapter.presence) throw new Error("no presence");
  return { srv, errors, store: adapter.presence };
}

/** Asks until it is so. */
async function eventually(ask: () => Promise<boolean>) {
  const end = Date.now() + 10_000;
  while (!await within(ask())) {
    if (Date.now() > end) throw new Error(`Not in time: ${ask}`);
    await settled(); // what is in memory answers within the turn
  }
}

test("the registry knows connections, by user and room, and forgets them when they go or their node does", async () => {
  const bus = new MemoryBus();
  const { srv: a } = registered(bus);
  const { srv: b } = registered(bus);
  const here = await connect(a, { name: "ada" });
  const there = await connect(b, { name: "ada", role: "agent" });
  await connect(b, { name: "bob" });
  for (const conn of b.local.connections) void b.room("lobby").add(conn);
  await within(b.cluster.count()); // what b wrote before is in it
  expect(await within(a.cluster.count())).toBe(3);
  const ada = await a.cluster.byUser("ada");
  expect(ada.map(({ nodeId }) => nodeId).toSorted())
    .toEqual([a.nodeId, b.nodeId].toSorted());
  const lobby = await a.cluster.room("lobby");
  expect(lobby.toSorted((one, two) => one.role < two.role ? -1 : 1))
    .toMatchObject([
      { role: "agent", userId: "ada", nodeId: b.nodeId, rooms: ["lobby"] },
      { role: "user", userId: "bob", initial: "b", rooms: ["lobby"] },
    ]);
  const ids = [...a.local.connections, ...b.local.connections]
    .map(({ id }) => id);
  const all = await b.cluster.connections();
  expect(all.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await b.cluster.topology()).toContainEqual({
    nodeId: a.nodeId,
    connections: 1,
  });
  expect(await b.isOnline("ada")).toBe(true);
  expect(await b.isOnline("eve")).toBe(false);
  for (const conn of b.local.connections) b.room("lobby").remove(conn);
  expect(await b.cluster.room("lobby")).toEqual([]);
  here.leave();
  there.leave();
  await until(() => b.local.connections.length === 1);
  await Promise.all([a.cluster.count(), b.cluster.count()]);
  expect(await a.cluster.count()).toBe(1);
  expect(await b.isOnline("ada")).toBe(false);
  await b.close();
  expect(await within(a.cluster.count())).toBe(0);
  expect(await a.cluster.topology())
    .toEqual([{ nodeId: a.nodeId, connections: 0 }]);
  expect(leftOver(a)).toEqual({});
});

test("what a handler registers it reads at once", async () => {
  const { srv } = registered(new MemoryBus(), {
    onConnection: async () => {
      expect(await srv.cluster.count()).toBe(1);
      expect(await srv.isOnline("ada")).toBe(true);
    },
  });
  const peer = await connect(srv);
  expect(peer.end).toBeUndefined();
});

test("200 fast connects and disconnects leave nobody, whichever comes first to the broker", async () => {
  const { srv } = registered(new MemoryBus());
  await Promise.all(Array.from({ length: 200 }, async (_, n) => {
    const peer = await connect(srv, { name: `user ${n}` });
    for (const conn of srv.local.connections) void srv.room("lobby").add(conn);
    if (n % 2) await settled();
    peer.leave();
  }));
  await until(() => srv.local.connections.length === 0);
  expect(await srv.cluster.count()).toBe(0);
  expect(await srv.cluster.room("lobby")).toEqual([]);
  expect(leftOver(srv)).toEqual({});
});

test("people whose heartbeats are slow or off are there as long as their connection", async () => {
  const { srv } = registered(new MemoryBus(), { heartbeatMs: 3_600_000 });
  const peer = await connect(srv);
  const end = Date.now() + 2_500; // more than twice ttlMs
  while (Date.now() < end) {
    expect(await srv.cluster.count()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(peer.messages.length).toBe(1); // hi
});

test("a registry that has lost all is filled again without anybody reconnecting", async () => {
  const bus = new MemoryBus();
  const { srv: a, store } = registered(bus);
  const { srv: b } = registered(bus);
  await connect(a);
  for (const conn of a.local.connections) void a.room("lobby").add(conn);
  expect(await a.cluster.count()).toBe(1);
  await store.clear();
  expect(await b.cluster.count()).toBe(0);
  // With the next renewal, or at once when the adapter says that it is up.
  bus.fail();
  bus.restore();
  await eventually(async () => (await b.cluster.room("lobby")).length === 1);
  expect(await b.cluster.count()).toBe(1);
});

test("what the registry has too much of is struck out with the next renewal", async () => {
  const { srv, store } = registered(new MemoryBus());
  await connect(srv);
  expect(await srv.cluster.count()).toBe(1);
  const ghost = { id: "ghost", text: "{}", sets: [], left: [] };
  await store.write([ghost], 60_000);
  await eventually(async () => await srv.cluster.count() === 1);
  expect((await srv.cluster.connections()).map(({ id }) => id))
    .toEqual(srv.local.connections.map(({ id }) => id));
});

test("while the broker is away nobody knows who is connected; afterwards what came and went meanwhile is right", async () => {
  const bus = new MemoryBus();
  const { srv: a, errors } = registered(bus);
  const { srv: b } = registered(bus);
  const goes = await connect(a, { name: "eve" });
  await connect(a);
  expect(await a.cluster.count()).toBe(2);
  bus.fail();
  expect(await rejection(b.cluster.count()))
    .toMatchObject({ code: "UNAVAILABLE" });
  goes.leave();
  await connect(a, { name: "bob" });
  for (const conn of a.local.connections) void a.room("lobby").add(conn);
  expect(await rejection(a.cluster.count()))
    .toMatchObject({ code: "UNAVAILABLE" });
  bus.restore();
  await eventually(() => b.isOnline("bob"));
  const lobby = await b.cluster.room("lobby");
  expect(lobby.map(({ userId }) => userId).toSorted()).toEqual(["ada", "bob"]);
  expect(await b.isOnline("eve")).toBe(false);
  expect(errors).toHaveLength(1); // that it is down
});

const outages: MemoryBus[] = [];
registerRefusedPresenceSuite(
  "the memory bus",
  () => createInMemoryAdapter(outages[0] ??= new MemoryBus()),
  [{
    name: "away",
    begin: () => outages[0]?.fail(),
    end: () => outages[0]?.restore(),
  }],
);

test("entries that describe no connection are left out, counted, and reported once", async () => {
  const { srv, errors, store } = registered(new MemoryBus());
  await connect(srv);
  expect(await srv.cluster.count()).toBe(1);
  const texts = ["no JSON", "null", "[]", '"text"', "{}", '{"role":1}', ""];
  const sets = ["user:ada"];
  await store.write(
    texts.map((text, n) => ({ id: `${n}`, text, sets, left: [] })),
    60_000,
  );
  const ids = srv.local.connections.map(({ id }) => id);
  const listed = await srv.cluster.connections();
  expect(listed.map(({ id }) => id)).toEqual(ids);
  expect(errors).toHaveLength(1);
  expect(srv.stats().relay.foreign).toBe(texts.length);
});

test("a describe that throws, or gives what is no JSON, hurts nobody", async () => {
  const { srv, errors } = registered(new MemoryBus(), {
    describe: ({ ctx }: { ctx: { name: string } }) => {
      if (ctx.name === "eve") throw new Error("no");
      return { big: 1n };
    },
  });
  await connect(srv, { name: "eve" });
  await connect(srv);
  const users = await srv.cluster.connections();
  expect(users.map(({ userId }) => userId).toSorted()).toEqual(["ada", "eve"]);
  expect(errors.map(({ info }) => info.name)).toEqual(["describe", "describe"]);
});

test("an adapter without a registry is refused, and so is a time that is none", () => {
  const { presence: _, ...adapter } = createInMemoryAdapter(new MemoryBus());
  expect(thrown(() => registered(new MemoryBus(), { adapter })))
    .toBeInstanceOf(TypeError);
  for (const ttlMs of [0, 999, NaN, 2 ** 31]) {
    expect(thrown(() => registered(new MemoryBus(), { presence: { ttlMs } })))
      .toBeInstanceOf(RangeError);
  }
});

test("where nodes are neither asked nor registered, it says so", async () => {
  const { srv } = node(new MemoryBus(), {}, { reach: false });
  for (
    const ask of [
      () => srv.cluster.count(),
      () => srv.cluster.connections(),
      () => srv.isOnline("ada"),
    ]
  ) {
    expect(await rejection(ask())).toMatchObject({
      code: "UNAVAILABLE",
      message:
        "Cannot tell who is connected: neither the option presence nor reach is on, one of them must be true",
    });
  }
});
