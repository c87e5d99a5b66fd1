/** An old and a new contract on one broker, as there are while a deploy rolls. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { type Adapter, createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { seal } from "../../src/server/fanout/envelope.ts";
import { loopback } from "../../src/testing/mod.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { until, within } from "../helpers/wait.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { endAll, endings } from "./nodes.ts";

const redis = await RedisServer.start();
afterEach(endAll);
afterAll(() => redis.end());

const old = defineContract({
  shared: {
    clientToServer: { ask: { input: z.null(), output: z.null() } },
    serverToClient: {
      said: { payload: z.object({ text: z.string() }) },
      news: { payload: z.object({ text: z.string() }), subscribe: true },
    },
  },
  roles: { user: {} },
  serverToServer: {
    moved: z.object({ shard: z.number() }),
    kept: z.object({ n: z.number() }),
  },
});

const next = defineContract({
  shared: {
    clientToServer: { ask: { input: z.null(), output: z.null() } },
    serverToClient: {
      said: { payload: z.object({ text: z.string(), at: z.number() }) },
      joined: { payload: z.object({ name: z.string() }) },
      news: { payload: z.object({ text: z.string() }), subscribe: true },
      alerts: { payload: z.object({ text: z.string() }), subscribe: true },
    },
  },
  roles: { user: {}, admin: {} },
  serverToServer: {
    moved: z.object({ shard: z.string() }), // was a number
    kept: z.object({ n: z.number(), reason: z.string().optional() }),
    drained: z.object({ node: z.string() }), // is new
  },
});

/** Makes adapters that share one broker. */
type Brokers = () => () => Adapter;

const brokers: [string, Brokers][] = [
  ["in memory", () => {
    const bus = new MemoryBus();
    return () => createInMemoryAdapter(bus);
  }],
  ["on Redis", () => {
    const namespace = crypto.randomUUID();
    return () => createRedisAdapter({ url: redis.url, namespace });
  }],
];

describe.each(brokers)("%s", (_where, broker) => {
  /** An old node with a client, and a new one; both in the lobby. */
  async function rolling() {
    const adapter = broker();
    const errors: unknown[] = [];
    const options = {
      authenticate: () => ({ role: "user" as const }),
      onError: (error: unknown) => void errors.push(error),
    };
    const before = createSocketServer(old, {
      ...options,
      adapter: adapter(),
      onConnection: (conn) => before.room("lobby").add(conn),
    });
    const after = createSocketServer(next, { ...options, adapter: adapter() });
    before.implement({ shared: { ask: () => null } });
    after.implement({ shared: { ask: () => null } });
    endings.push(() => before.close(), () => after.close());

    const client = createClient(old, {
      url: "ws://app.test",
      role: "user",
      WebSocket: loopback(before),
      onError: options.onError,
    });
    endings.push(() => client.close());
    const heard: unknown[] = [];
    client.on("said", (it) => heard.push(it));
    const { ready } = client.subscribe("news", ({ text }) => heard.push(text));
    expect(await within(ready)).toEqual({ live: true });
    return { adapter, before, after, client, heard, errors };
  }

  test("what the old contract lacks is ignored by its nodes and their clients", async () => {
    const { before, after, heard, errors } = await rolling();
    after.emitServer("drained", { node: "x" });
    after.publish("alerts", { text: "unknown" });
    after.room("lobby").broadcast("joined", { name: "Ada" });
    after.publish("news", { text: "known" });
    await until(() => heard.length > 0);
    expect(heard).toEqual(["known"]);
    expect(errors).toEqual([]);
    // The room is on the same channel; what is not has not even come.
    expect(before.stats().relay).toMatchObject({ received: 2, foreign: 0 });
  });

  test("a server event whose schema has changed is refused both ways, counted, and told once", async () => {
    const { before, after, errors } = await rolling();
    const moved: unknown[] = [];
    const kept: unknown[] = [];
    const offs = [
      before.onServer("moved", (it) => moved.push(it)),
      after.onServer("moved", (it) => moved.push(it)),
      before.onServer("kept", (it) => kept.push(it)),
      after.onServer("kept", (it) => kept.push(it)),
    ];
    for (const { ready } of offs) {
      expect(await within(ready)).toEqual({ live: true });
    }
    for (let n = 1; n <= 5; n++) {
      before.emitServer("moved", { shard: n });
      after.emitServer("moved", { shard: `${n}` });
    }
    // What was only added to passes, without what the other does not know.
    after.emitServer("kept", { n: 1, reason: "full" });
    before.emitServer("kept", { n: 2 });
    await until(() => kept.length === 2);
    await until(() =>
      before.stats().refusedServerEvents === 5 &&
      after.stats().refusedServerEvents === 5
    );
    expect(moved).toEqual([]);
    expect(kept).toContainEqual({ n: 1 });
    expect(kept).toContainEqual({ n: 2 });
    expect(errors.map(String)).toEqual([
      expect.stringContaining('"moved"'),
      expect.stringContaining('"moved"'),
    ]); // one of each node
    expect(before.stats().errors).toBe(1);
  });

  test("an event to clients whose payload has changed arrives as it was sent", async () => {
    const { after, heard } = await rolling();
    after.room("lobby").broadcast("said", { text: "hello", at: 1 });
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ text: "hello", at: 1 }]);
  });

  test("envelopes of another version are counted and told once, and those of ours still arrive", async () => {
    const { adapter, before, after, heard, errors } = await rolling();
    const another = adapter();
    another.open(new RecordingHost());
    endings.push(() => another.close());
    const frame = '["evt","said",{"text":"from another version"}]';
    const ours = seal("some-node", "epoch", 1, frame);
    for (const version of ["0", "2", "10"]) {
      another.publish("room:lobby", ours.replace(/^1/, version));
    }
    await until(() => before.stats().relay.foreign === 3);
    after.room("lobby").broadcast("said", { text: "ours", at: 1 });
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ text: "ours", at: 1 }]);
    expect(errors.map(String)).toEqual([
      expect.stringContaining("no envelope of this library"),
    ]);
  });
});
