/** What requests between nodes cost, how they end, and what is kept of nodes that nobody knows. */
import { afterEach, expect, jest, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import {
  type Adapter,
  createSocketServer,
  defineContract,
  type ErrorInfo,
} from "../../mod.ts";
import { createTestCluster, TestClock } from "../../src/testing/mod.ts";
import { connect, type Peer } from "../helpers/peer.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";
import { endAll, endings, node, raw, upTo } from "./nodes.ts";

afterEach(endAll);

const text = z.object({ text: z.string() });
const contract = defineContract({
  shared: { serverToClient: { confirm: { input: text, output: text } } },
  roles: { user: {} },
  serverToServer: { load: { input: text, output: text } },
});

function start(adapter: Adapter, errors: [unknown, ErrorInfo][] = []) {
  const srv = createSocketServer(contract, {
    adapter,
    authenticate: () => ({ role: "user" as const }),
    onConnection: (conn) => srv.room("all").add(conn),
    onError: (...told) => void errors.push(told),
  }).implement({});
  return srv;
}

function nodes(count: number) {
  const bus = new MemoryBus();
  const errors: [unknown, ErrorInfo][] = [];
  const all = upTo(count).map(() => {
    const srv = start(createInMemoryAdapter(bus), errors);
    endings.push(() => srv.close());
    return srv;
  });
  return { bus, errors, all, a: all[0] as Srv, b: all[1] as Srv };
}
type Srv = ReturnType<typeof start>;

async function join(srv: Srv): Promise<Peer> {
  const peer = await connect(srv);
  await until(() => peer.of("hi").length === 1);
  return peer;
}
const idOf = (peer: Peer) => (peer.of("hi")[0]?.[1] as { id: string }).id;

/** Answers a peer's question of a number, from 1, once it has come. */
async function answer(peer: Peer, nth: number, output = "yes") {
  await until(() => peer.of("req").length >= nth);
  const [, id] = peer.of("req")[nth - 1] ?? [];
  peer.say(["res", id, { text: output }]);
}

/** How many envelopes each node has sent, those to all nodes included. */
const sent = (all: readonly Srv[]) =>
  all.map((srv) => {
    const { published } = srv.stats().relay;
    return published;
  });

test("a question across nodes costs one publish and one back, one to a room one back for each node", async () => {
  const { all, a, b } = nodes(3);
  const peers = [await join(b), await join(b), await join(b)] as const;
  await a.cluster.nodes();
  const directory = a.stats().relay.directory;
  const one = a.toConn(idOf(peers[0])).request("confirm", { text: "" });
  await answer(peers[0], 1);
  expect(await one).toEqual({ text: "yes" });
  expect(sent(all)).toEqual([1, 1, 0]);
  const room = a.room("all").request("confirm", { text: "" });
  for (const [at, peer] of peers.entries()) {
    await answer(peer, at === 0 ? 2 : 1);
    await settled(); // each answers in a turn of its own
  }
  expect((await room).answers).toHaveLength(3);
  expect(sent(all)).toEqual([1, 2, 1]);
  for (const srv of all) srv.onServer("load", (it) => it);
  expect((await a.askServers("load", { text: "" })).answers).toHaveLength(3);
  expect(sent(all)).toEqual([1, 3, 2]);
  expect(await a.cluster.count()).toBe(3);
  expect(sent(all)).toEqual([1, 4, 3]);
  expect(a.stats().relay.directory - directory).toBe(3);
});

test("a node ends by itself what its asker does not wait for any more, and is told only of what is cancelled", async () => {
  const { all, a, b } = nodes(2);
  const peer = await join(b);
  const target = a.toConn(idOf(peer));
  const late = target.request("confirm", { text: "" }, { timeoutMs: 50 });
  expect(await rejection(late)).toMatchObject({ code: "TIMEOUT" });
  await until(() => peer.of("cancel").length === 1);
  expect(sent(all)).toEqual([1, 0]);
  const controller = new AbortController();
  const aborted = target.request("confirm", { text: "" }, controller);
  await until(() => peer.of("req").length === 2);
  controller.abort("enough");
  expect(await rejection(aborted)).toBe("enough");
  await until(() => peer.of("cancel").length === 2);
  expect(sent(all)).toEqual([3, 0]);
});

test("a node answers at its time with what it has, and the asker waits for it", async () => {
  const { a, b } = nodes(2);
  const [quick, mute] = [await join(b), await join(b)];
  await a.cluster.nodes();
  const asked = a.room("all").request("confirm", { text: "" }, {
    timeoutMs: 200,
  });
  await answer(quick, 1);
  const { answers, missing, missingNodes } = await within(asked);
  expect(answers).toEqual([{ id: idOf(quick), output: { text: "yes" } }]);
  expect(missing).toEqual([idOf(mute)]);
  expect(missingNodes).toEqual([]);
});

test("answers that are too large together come in parts, and one that is too large by itself is an error", async () => {
  const { errors, a, b } = nodes(2);
  const peers = [await join(b), await join(b), await join(b), await join(b)];
  await a.cluster.nodes();
  const asked = a.room("all").request("confirm", { text: "" });
  await Promise.all(
    peers.map((peer, at) =>
      answer(peer, 1, "x".repeat(at === 3 ? 1_048_540 : 900_000))
    ),
  );
  const { answers, failed, missing, missingNodes } = await within(asked);
  expect(answers.map(({ output }) => output.text.length))
    .toEqual([900_000, 900_000, 900_000]);
  expect(failed).toMatchObject([{
    id: idOf(peers[3] as Peer),
    error: { code: "INTERNAL", message: "The answer is too large" },
  }]);
  expect([missing, missingNodes]).toEqual([[], []]);
  expect(errors).toHaveLength(1);
});

test("a list of connections that is larger than the adapter carries comes in parts, whole", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus);
  const { srv: b } = node(bus, {}, {
    describe: () => ({ about: "é".repeat(5_000) }),
  });
  await Promise.all(upTo(300).map(() => connect(b)));
  const listed = await within(a.cluster.connections());
  expect(listed.map(({ id }) => id).toSorted())
    .toEqual(b.local.connections.map(({ id }) => id).toSorted());
  expect(JSON.stringify(listed).length).toBeGreaterThan(1_500_000);
});

test("a description that is larger than the adapter carries is reported, and hides no other connection", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus);
  const { srv: b, errors } = node(bus, {}, {
    describe: ({ ctx }: { ctx: { name: string } }) => ({
      about: ctx.name === "big" ? "x".repeat(1_100_000) : "",
    }),
  });
  await connect(b, { name: "big" });
  await connect(b, { name: "ada" });
  expect(await within(a.cluster.connections())).toHaveLength(1);
  expect(errors).toHaveLength(1);
});

test("an answer of which a part is lost is none", async () => {
  const { bus, a } = nodes(1);
  const { adapter, host } = raw(bus);
  adapter.publish("nodes", `1 ${host.nodeId} e 1 t\n["node","joined",1,0]`);
  await until(() => a.stats().relay.directory > 0);
  await adapter.subscribe("nodes");
  const asked = a.askServers("load", { text: "" }, { timeoutMs: 100 });
  let id: unknown;
  await until(() => {
    for (const payload of host.received("nodes")) {
      const line = payload.split("\n").find((it) => it.startsWith('["req'));
      if (line) id = JSON.parse(line)[1];
    }
    return id !== undefined;
  });
  const send = (seq: number, at: number, last: boolean) =>
    adapter.publish(
      `node:${a.nodeId}`,
      `1 ${host.nodeId} e ${seq} t\n${
        JSON.stringify(["response", id, at, last, [["x", ["res", 0, {
          text: "",
        }]]]])
      }`,
    );
  send(1, 0, false);
  send(2, 2, true);
  const { answers, missing } = await within(asked);
  expect(answers).toEqual([]);
  expect(missing).toEqual([host.nodeId]);
});

test("nothing stays of nodes that nobody knows", async () => {
  const clock = new TestClock();
  endings.push(() => clock.restore());
  const { bus, a } = nodes(2);
  const peer = await connect(a);
  const { adapter } = raw(bus);
  for (const n of upTo(5_000)) {
    const frame = '["req",0,"confirm",{"text":""}]';
    adapter.publish("nodes", `1 x${n} e 1 t\n["watch","room:${n}"]`);
    adapter.publish(
      "nodes",
      `1 x${n} e 2 t\n["request",${n + 1},"room",["all"],null,${frame}]`,
    );
    adapter.publish(`node:${a.nodeId}`, `1 y${n} e 1 t\n["watch","room:${n}"]`);
  }
  await clock.advance(1_000);
  expect(a.stats().sizes["watches"]).toBe(500);
  expect(peer.of("req")).toHaveLength(500);
  expect(a.stats().relay.foreign).toBe(13_500);
  await clock.advance(20_000);
  expect(a.stats().sizes["watches"]).toBe(0);
  expect(peer.of("cancel")).toHaveLength(500);
});

test("nodes that join are answered eleven times a second at most, and ten thousand are known at most", async () => {
  const clock = new TestClock();
  endings.push(() => clock.restore());
  const { bus, a } = nodes(2);
  await clock.advance(1_000);
  const { adapter } = raw(bus);
  const before = a.stats().relay.directory;
  for (let n = 0; n < 12_000; n += 1_200) {
    for (const at of upTo(1_200, n)) {
      adapter.publish("nodes", `1 x${at} e 1 t\n["node","joined",1,0]`);
    }
    await clock.advance(100);
  }
  const { directory, foreign } = a.stats().relay;
  expect(foreign).toBe(12_000 - 10_000 + 1); // and the other one is known
  expect(directory - before).toBeLessThan(12_000 + 30);
  await clock.advance(20_000);
  expect(await a.cluster.nodes()).toHaveLength(2);
});

test("connections that a node tells of which nobody knows leave again", async () => {
  const clock = new TestClock();
  endings.push(() => clock.restore());
  const { bus, a } = nodes(1);
  const told: string[] = [];
  a.cluster.watch({}, {
    join: ({ id }) => told.push(`+${id}`),
    leave: ({ id }) => told.push(`-${id}`),
  });
  const { adapter } = raw(bus);
  await clock.advance(1_000);
  const info = { id: "ghost", role: "user", connectedAt: 0, rooms: [] };
  const message = JSON.stringify(["members", "", 1, "only", [info], []]);
  adapter.publish(`node:${a.nodeId}`, `1 x e 1 t\n${message}`);
  await clock.advance(1_000);
  expect(told).toEqual(["+ghost"]);
  await clock.advance(20_000);
  expect(told).toEqual(["+ghost", "-ghost"]);
});

test("nodes that know each other wait for no time to pass", async () => {
  const clock = new TestClock(); // no time passes
  const cluster = createTestCluster(contract, {
    ...{ clock, nodes: 2 },
    start: (adapter) => start(adapter),
  });
  endings.push(() => cluster.close());
  const count = async (at: number) =>
    await within(cluster.nodes[at]?.srv.cluster.count() ?? Promise.reject());
  cluster.connect("user", { node: 0 });
  cluster.connect("user", { node: 1 });
  await cluster.settled();
  expect(await count(0)).toBe(2);
  expect(await count(1)).toBe(2);
  cluster.addNode();
  cluster.connect("user", { node: 2 });
  await cluster.settled();
  expect(await count(2)).toBe(3);
  expect(await count(0)).toBe(3);
});

test("a node that is killed is listed for 15 s at most", async () => {
  const clock = new TestClock();
  const cluster = createTestCluster(contract, {
    ...{ clock, nodes: 2 },
    start: (adapter) => start(adapter),
  });
  endings.push(() => cluster.close());
  await cluster.advance(12_000);
  const [a, b] = cluster.nodes;
  if (!a || !b) throw new Error("no nodes");
  expect(await a.srv.cluster.topology()).toHaveLength(2);
  await b.kill();
  let ms = 0;
  while ((await a.srv.cluster.nodes()).length === 2 && ms < 60_000) {
    await cluster.advance(1_000);
    ms += 1_000;
  }
  expect(ms).toBeLessThanOrEqual(15_000);
  expect(await a.srv.cluster.topology()).toHaveLength(1);
});

test("after this process stood still, other nodes have six seconds to be heard", async () => {
  jest.useFakeTimers();
  try {
    const { bus, a } = nodes(1);
    const { adapter, host } = raw(bus);
    let seq = 0;
    const say = () =>
      adapter.publish(
        "nodes",
        `1 ${host.nodeId} e ${++seq} t\n["node","here",1,0]`,
      );
    const pass = async (ms: number) => {
      jest.advanceTimersByTime(ms);
      for (const _ of upTo(5)) await Promise.resolve();
    };
    say();
    await pass(1_000);
    const others = async () => (await a.cluster.nodes()).length - 1;
    for (const heard of [true, false]) {
      await pass(12_000);
      jest.setSystemTime(Date.now() + 20_000); // no timer has fired
      await pass(3_000);
      expect(await others()).toBe(1);
      await pass(3_000);
      if (heard) say();
      await pass(4_000);
      expect(await others()).toBe(heard ? 1 : 0);
    }
  } finally {
    jest.useRealTimers();
  }
});
