import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { type Adapter, createSocketServer, defineContract } from "../../mod.ts";
import { createTestCluster, TestClock } from "../../src/testing/mod.ts";
import { rejection } from "../helpers/wait.ts";

const api = defineContract({
  shared: {
    clientToServer: {
      say: { input: z.string(), output: z.number() },
      hang: { input: z.null(), output: z.null() },
      whoami: { input: z.null(), output: z.string() },
    },
    serverToClient: {
      said: { payload: z.string() },
      count: { payload: z.number(), subscribe: true },
    },
  },
  roles: { user: {}, agent: {} },
  serverToServer: { clear: z.string() },
});

const cleared: string[] = [];
const errors: unknown[] = [];

function start(adapter: Adapter, index: number) {
  const srv = createSocketServer(api, {
    adapter,
    onError: (error) => void errors.push(error),
    authenticate: (request, { identity, remoteAddress, token }) => {
      const params = new URL(request.url).searchParams;
      const role = params.get("role") === "agent" ? "agent" : "user";
      const who = [params.get("name"), identity, remoteAddress, token];
      return { role, ctx: who.filter(Boolean).join(" ") } as const;
    },
    onConnection: (conn) => srv.room("all").add(conn),
  });
  srv.onServer("clear", (key) => void cleared.push(`${index} ${key}`));
  return srv.implement({
    shared: {
      say: (text) => {
        srv.room("all").broadcast("said", text);
        return index;
      },
      hang: () => new Promise(() => {}),
      whoami: (_input, ctx) => ctx,
    },
  });
}

const clusters: { close(): Promise<void> }[] = [];

function startCluster(nodes: number, clock?: TestClock) {
  const cluster = createTestCluster(api, {
    start,
    nodes,
    ...(clock && { clock }),
  });
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
  cleared.length = errors.length = 0;
});

/** A client, and what it hears. */
function ear(cluster: ReturnType<typeof startCluster>, node?: number) {
  const client = cluster.connect("user", node === undefined ? {} : { node });
  const heard: string[] = [];
  client.on("said", (text) => heard.push(text));
  return { client, heard };
}

test("what one node says is heard on all once it has settled", async () => {
  const cluster = startCluster(3);
  const ears = [ear(cluster), ear(cluster), ear(cluster)];
  await cluster.settled();
  expect(cluster.nodes.map(({ srv }) => srv.local.connections.length))
    .toEqual([1, 1, 1]);
  for (let n = 0; n < 50; n++) void ears[0]?.client.say(`${n}`);
  await cluster.settled();
  for (const { heard } of ears) {
    expect(heard).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
  }
  cluster.nodes[1]?.srv.emitServer("clear", "x");
  await cluster.settled();
  expect(cleared.sort()).toEqual(["0 x", "2 x"]);
});

test("clients come as whom they say, from where they say", async () => {
  const cluster = startCluster(1);
  const client = cluster.connect("agent", {
    params: { name: "hal" },
    token: "t",
    identity: "i",
    remoteAddress: "10.0.0.1",
  });
  expect(await client.whoami(null)).toBe("hal i 10.0.0.1 t");
  expect(client.role).toBe("agent");
});

test("a dropped link comes back, an unplugged one when it is plugged in", async () => {
  const cluster = startCluster(1);
  const { client, heard } = ear(cluster);
  const lost: (number | undefined)[] = [];
  client.onStatus(({ state, code }) => state === "waiting" && lost.push(code));
  await cluster.settled();
  const { id } = client;

  const pending = client.hang(null);
  cluster.drop(client);
  expect(await rejection(pending)).toMatchObject({ code: "DISCONNECTED" });
  await cluster.settled();
  expect(lost).toEqual([1006]);
  expect(client.state).toBe("open");
  expect(client.id).not.toBe(id);

  cluster.unplug(client);
  cluster.nodes[0]?.srv.room("all").broadcast("said", "missed");
  await cluster.settled();
  expect(client.state).not.toBe("open");
  cluster.plug(client);
  await cluster.settled();
  cluster.nodes[0]?.srv.room("all").broadcast("said", "heard");
  await cluster.settled();
  expect(heard).toEqual(["heard"]);
});

test("a paused node is silent, and goes on where it was", async () => {
  const cluster = startCluster(2);
  const [near, far] = [ear(cluster, 0), ear(cluster, 1)];
  await cluster.settled();
  cluster.nodes[1]?.pause();
  const answers = [near.client.say("a"), far.client.say("b")] as const;
  void near.client.say("c");
  await cluster.settled();
  expect(near.heard).toEqual(["a", "c"]);
  expect(far.heard).toEqual([]);
  cluster.nodes[1]?.resume();
  await cluster.settled();
  expect(await Promise.all(answers)).toEqual([0, 1]);
  expect(near.heard).toEqual(["a", "c", "b"]);
  expect(far.heard.toSorted()).toEqual(["a", "b", "c"]);
});

test("without its broker each node goes on alone, and together again with it", async () => {
  const cluster = startCluster(2);
  const [near, far] = [ear(cluster, 0), ear(cluster, 1)];
  await cluster.settled();
  cluster.bus.fail();
  expect(await near.client.say("alone")).toBe(0);
  await cluster.settled();
  expect([near.heard, far.heard]).toEqual([["alone"], []]);
  expect(cluster.nodes[0]?.srv.status().state).toBe("down");
  expect(errors.length).toBe(2); // each node told of it
  cluster.bus.restore();
  await near.client.say("together");
  await cluster.settled();
  expect(far.heard).toEqual(["together"]);
});

test("clients of a node that stops or crashes go to another", async () => {
  const cluster = startCluster(2);
  const first = ear(cluster, 0);
  const second = ear(cluster, 1);
  const codes: (number | undefined)[] = [];
  for (const { client } of [first, second]) {
    client.onStatus(({ state, code }) =>
      state === "waiting" && codes.push(code)
    );
  }
  await cluster.settled();
  await cluster.nodes[0]?.kill();
  await cluster.settled();
  expect(first.client.state).toBe("open");
  expect(await first.client.say("from the other")).toBe(1);
  cluster.addNode();
  await cluster.nodes[1]?.stop();
  await cluster.settled();
  expect(await first.client.say("from the third")).toBe(2);
  await cluster.settled();
  expect(second.heard).toEqual(["from the other", "from the third"]);
  expect(codes).toEqual([1006, 1012, 1012]);
  expect(cluster.nodes.map(({ up }) => up)).toEqual([false, false, true]);
});

test("what never settles is named", async () => {
  const cluster = startCluster(1);
  const { client } = ear(cluster);
  client.hang(null).catch(() => {});
  await cluster.settled({ unanswered: true });
  const late = await cluster.settled({ withinMs: 50 }).catch((error) => error);
  expect(late.message).toBe("Cannot settle: node 0 has calls: 1 after 50 ms");
});

test("time passes only in advance: time-outs, heartbeats and back-off in their order", async () => {
  const clock = new TestClock();
  const cluster = startCluster(2, clock);
  const { client } = ear(cluster, 0);
  await cluster.settled();
  const since = clock.now;
  const states: string[] = [];
  client.onStatus(({ state, code }) =>
    states.push(
      `${state} ${code ?? ""} ${Math.round((clock.now - since) / 1e3)}`,
    )
  );
  const call = client.hang(null).catch((error) => error); // for 30 s
  await cluster.advance(29_000);
  await cluster.advance(1_000);
  expect(await call).toMatchObject({ code: "TIMEOUT" });

  await cluster.advance(60 * 60_000); // pinged, and answered, for an hour
  expect(states).toEqual([]);
  expect(new Date().getTime() - since).toBe(60 * 60_000 + 30_000);

  cluster.nodes[0]?.pause(); // silent: the client gives up 10 s after a ping
  await cluster.advance(60_000);
  expect(states[0]).toMatch(/^waiting 4408/);
  cluster.nodes[0]?.resume();
  await cluster.advance(60_000);
  expect(client.state).toBe("open");
});

test("the clock is the process's own again afterwards", async () => {
  const before = [setTimeout, clearInterval, Date];
  const clock = new TestClock(0);
  expect([Date.now(), new Date().getTime(), new Date(5).getTime()])
    .toEqual([0, 0, 5]);
  const order: string[] = [];
  const interval = setInterval(() => order.push(`every ${clock.now}`), 10);
  setTimeout((word: string) => order.push(`${word} ${clock.now}`), 15, "once");
  const never = setTimeout(() => order.push("never"), 15);
  clearTimeout(never);
  await clock.advance(25);
  clearInterval(interval);
  await clock.advance(25);
  expect(order).toEqual(["every 10", "once 15", "every 20"]);
  expect(clock.size).toBe(0);
  clock.restore();
  clock.restore();
  expect([setTimeout, clearInterval, Date]).toEqual(before);
});
