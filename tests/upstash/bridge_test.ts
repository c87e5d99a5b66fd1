import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { Redis as IoRedis } from "ioredis";
import { createClient } from "redis";
import {
  createRedisAdapter,
  type RedisAdapterOptions,
} from "../../adapters/redis.ts";
import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import { adapterSuite, skipReason } from "../../src/testing/mod.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { thrown, until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { Gate, PLACES } from "./together.ts";
import { PATIENCE_MS, QUICK } from "./upstash_subject.ts";

const local = await LocalUpstash.start();
const { url, token } = local.server;
afterAll(() => local.end());

const endings: (() => unknown)[] = [];
afterEach(async () => {
  local.server.trouble({});
  for (const end of endings.splice(0).reverse()) await end();
});

function open(adapter: Adapter) {
  const host = new RecordingHost();
  adapter.open(host);
  endings.push(() => adapter.close());
  return { adapter, host };
}

const NAMESPACE = "bridge é";

function tcp(options: RedisAdapterOptions = { url: local.redis.url }) {
  return open(
    createRedisAdapter({ namespace: NAMESPACE, bridge: true, ...options }),
  );
}

function rest(options: UpstashAdapterOptions = {}) {
  return open(
    createUpstashAdapter({
      ...QUICK,
      ...{ url, token, namespace: NAMESPACE, bridge: true },
      ...options,
    }),
  );
}

const count = (to: number) => Array.from({ length: to }, (_, at) => `${at}`);

/** Every other adapter is on TCP, the others over REST. */
function mixedSubject() {
  let made = 0;
  return {
    patienceMs: PATIENCE_MS,
    presence: true as const,
    create: ({ namespace }: { namespace: string }): Adapter =>
      made++ % 2 === 0
        ? createRedisAdapter({ url: local.redis.url, namespace, bridge: true })
        : createUpstashAdapter({
          ...QUICK,
          ...{ url, token, namespace, bridge: true, onGap: () => {} },
        }),
  };
}

describe("TCP and REST, each other one", () => {
  const gate = new Gate(PLACES);
  for (const it of adapterSuite) {
    const subject = mixedSubject();
    if (skipReason(it, subject)) continue;
    test.concurrent(
      `${it.promise}: ${it.name}`,
      () => gate.run(() => it.run(subject)),
      20 * PATIENCE_MS,
    );
  }
});

test("two nodes on TCP and two over REST hear each message once and in order", async () => {
  const nodes = [tcp(), tcp(), rest(), rest()];
  await Promise.all(nodes.map(({ adapter }) => adapter.subscribe("c")));
  for (const [at, { adapter }] of nodes.entries()) {
    for (const number of count(50)) adapter.publish("c", `${at} ${number}`);
  }
  for (const [to, { host }] of nodes.entries()) {
    for (const [from] of nodes.entries()) {
      if (from === to) continue; // own ones may come back, or not
      await until(() => host.received("c").includes(`${from} 49`));
      expect(host.received("c").filter((it) => it.startsWith(`${from} `)))
        .toEqual(count(50).map((number) => `${from} ${number}`));
    }
    expect([host.droppedCount, host.errors]).toEqual([0, []]);
  }
});

test("each client that may be brought writes both", async () => {
  const nodeRedis = createClient({ url: local.redis.url });
  await nodeRedis.connect();
  const ioRedis = new IoRedis(local.redis.port, "127.0.0.1");
  const bunRedis = new RedisClient(local.redis.url);
  endings.push(
    () => nodeRedis.destroy(),
    () => ioRedis.disconnect(),
    () => bunRedis.close(),
  );
  const reader = rest();
  const subscriber = tcp();
  for (const { adapter } of [reader, subscriber]) await adapter.subscribe("c");
  for (
    const [at, client] of [nodeRedis, ioRedis, bunRedis].entries()
  ) {
    const writer = tcp({ client });
    for (const number of count(20)) {
      writer.adapter.publish("c", `${at} ${number}`);
    }
    for (const { host } of [reader, subscriber]) {
      await until(() => host.received("c").length === 20 * (at + 1));
      expect(host.received("c").slice(-20))
        .toEqual(count(20).map((number) => `${at} ${number}`));
    }
    await writer.adapter.close();
  }
  const keys = await local.redis.command("KEYS", "bridge%20%C3%A9:1:8:*");
  const key = /bridge.*/.exec(keys)?.[0] ?? "";
  const ttl = await local.redis.command("TTL", key);
  expect(Number(ttl.slice(1))).toBeGreaterThan(86_000);
});

test("wakes cross too", async () => {
  const [writer, other] = [
    tcp({ url: local.redis.url, wake: "sse" }),
    rest({ wake: "sse" }),
  ];
  const reader = rest({ wake: "sse", maxIntervalMs: 60_000 });
  await reader.adapter.subscribe("c");
  await until(() => local.server.streams === 1);
  for (const [at, { adapter }] of [writer, other, writer].entries()) {
    await Bun.sleep(300); // longer than polls without wakes would be apart from each other
    adapter.publish("c", `${at}`);
    await until(() => reader.host.received("c").length === at + 1);
  }
});

test(
  "a write that fails is not repeated on pub/sub, and comes once over the streams",
  async () => {
    const [subscriber, reader, writer] = [tcp(), rest(), rest()];
    for (const { adapter } of [subscriber, reader]) {
      await adapter.subscribe("c");
    }
    for (let round = 0; round < 20; round++) {
      local.server.trouble({
        rate: round % 2 ? 1 : 0,
        kinds: ["drop-after", "503", "200-shape"],
      });
      writer.adapter.publish("c", `${round}`);
      if (round % 2) {
        const { requests } = local.server.counters;
        await until(() => local.server.counters.requests > requests + 3);
        local.server.trouble({});
      }
      await until(() => reader.host.received("c").includes(`${round}`));
    }
    expect(reader.host.received("c")).toEqual(count(20));
    const got = subscriber.host.received("c");
    expect(new Set(got).size).toBe(got.length);
    expect(got).toEqual(got.toSorted((a, b) => Number(a) - Number(b)));
    expect(got.length).toBeGreaterThanOrEqual(10);
  },
  30_000,
);

test("a bridge has no shards, and wakes need a bridge", () => {
  for (
    const options of [
      { bridge: true, sharded: true },
      { wake: "sse" },
      { bridge: true, wake: "other" },
    ] as RedisAdapterOptions[]
  ) {
    const create = () =>
      createRedisAdapter({ url: local.redis.url, ...options });
    expect(thrown(create)).toBeInstanceOf(TypeError);
  }
});
