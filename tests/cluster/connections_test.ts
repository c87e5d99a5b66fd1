import { afterEach, expect, test } from "bun:test";
import { MemoryBus } from "../../adapters/memory.ts";
import { connect } from "../helpers/peer.ts";
import { until, within } from "../helpers/wait.ts";
import { endAll, node } from "./nodes.ts";

afterEach(endAll);

const options = {
  identify: (conn: { ctx: { name: string } }) => conn.ctx.name,
  describe: (conn: { ctx: { name: string } }) => ({
    initial: conn.ctx.name[0],
    id: "taken",
  }),
};

test("the cluster knows its connections, by user and room, and forgets them when they go or their node does", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus, {}, options);
  const { srv: b } = node(bus, {}, options);
  const here = await connect(a, { name: "ada" });
  const there = await connect(b, { name: "ada", role: "agent" });
  await connect(b, { name: "bob" });
  for (const conn of b.local.connections) await b.room("lobby").add(conn);
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
  const ids = [...a.local.connections, ...b.local.connections].map((it) =>
    it.id
  );
  const all = await b.cluster.connections();
  expect(all.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await b.cluster.topology()).toContainEqual({
    nodeId: a.nodeId,
    connections: 1,
  });
  expect(await b.isOnline("ada")).toBe(true);
  expect(await b.isOnline("eve")).toBe(false);
  here.leave();
  there.leave();
  await until(() => b.local.connections.length === 1);
  expect(await b.isOnline("ada")).toBe(false);
  await b.close();
  expect(await within(a.cluster.count())).toBe(0);
  expect(await a.cluster.room("lobby")).toEqual([]);
});

test("a describe that JSON cannot carry is reported by its node, and hides nobody from the others", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus, {}, options);
  const { srv: b, errors } = node(bus, {}, {
    ...options,
    describe: () => ({ big: 1n }),
  });
  await connect(a, { name: "ada" });
  await connect(b, { name: "bob" });
  const started = performance.now();
  const all = await within(a.cluster.connections(), 20_000);
  expect(performance.now() - started).toBeLessThan(4_000);
  expect(all.map(({ userId }) => userId).toSorted()).toEqual(["ada", "bob"]);
  expect(errors).toMatchObject([{ info: { name: "describe" } }]);
});
