/** Who is connected, on a real Redis: crashes, restarts, and what is left afterwards. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { MemoryBus } from "../../adapters/memory.ts";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { registerReachSuite } from "../cluster/reach_suite.ts";
import { registerRefusedPresenceSuite } from "../cluster/refused_presence_suite.ts";
import { endAll, endings, node } from "../cluster/nodes.ts";
import type { TestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { until, within } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";

const redis = await RedisServer.start();
beforeEach(() => redis.command("FLUSHALL"));
afterEach(endAll);
afterAll(() => redis.end());

function onRedis(ttlMs = 20_000) {
  const options = { url: redis.url, namespace: "presence é", timeoutMs: 1_000 };
  const adapter = createRedisAdapter(options);
  return node(new MemoryBus(), {}, {
    ...{ adapter, presence: { ttlMs } },
    identify: ({ ctx }: { ctx: { name: string } }) => ctx.name,
  }).srv;
}

const keys = async () => (await redis.command("KEYS", "*")).trim();

/** Asks until it is so. */
async function eventually(ask: () => Promise<boolean>, ms = 10_000) {
  const started = performance.now();
  while (!await within(ask().catch(() => false), ms)) {
    if (performance.now() - started > ms) {
      throw new Error(`Not in time: ${ask}`);
    }
    await Bun.sleep(20);
  }
  return performance.now() - started;
}

const joinAll = (srv: TestServer) =>
  Promise.all(srv.local.connections.map((it) => srv.room("lobby").add(it)));

registerReachSuite(
  "Redis",
  () => createRedisAdapter({ url: redis.url, namespace: "reach" }),
);

registerRefusedPresenceSuite(
  "Redis",
  () =>
    createRedisAdapter({
      url: redis.url,
      namespace: "refused",
      timeoutMs: 1_000,
    }),
  [
    {
      name: "a read-only replica",
      begin: () => redis.command("REPLICAOF", "127.0.0.1", "1"),
      end: () => redis.command("REPLICAOF", "NO", "ONE"),
    },
    {
      name: "one whose user may not write",
      begin: () => redis.command("ACL", "SETUSER", "default", "-@write"),
      end: () => redis.command("ACL", "SETUSER", "default", "+@all"),
    },
    {
      name: "out of memory",
      begin: () => redis.command("CONFIG", "SET", "maxmemory", "1"),
      end: () => redis.command("CONFIG", "SET", "maxmemory", "0"),
    },
  ],
);

test(
  "after kill -9 a node's people and keys are gone within the default time, and those who watch are told",
  async () => {
    const srv = onRedis();
    await connect(srv);
    const told: string[] = [];
    const off = srv.cluster.watch({ room: "lobby" }, {
      join: ({ nodeId }) => told.push(`+${nodeId}`),
      leave: ({ nodeId }) => told.push(`-${nodeId}`),
    });
    expect(await within(off.ready)).toEqual({ live: true });
    const child = Bun.spawn([
      process.execPath,
      fileURLToPath(new URL("./presence_program.ts", import.meta.url)),
      ...[redis.url, "presence é"],
    ], { stdout: "pipe", stderr: "inherit" });
    endings.push(() => child.kill(9));
    await within(child.stdout.getReader().read(), 20_000);
    await until(() => told.length === 3, () => `told ${told}`, 10_000);
    expect(await srv.cluster.count()).toBe(4);
    expect(await srv.cluster.room("lobby")).toHaveLength(3);
    child.kill(9);
    const [counted, watched] = await Promise.all([
      eventually(async () => await srv.cluster.count() === 1, 40_000),
      eventually(() => Promise.resolve(told.length === 6), 40_000),
    ]);
    console.log(
      `after kill -9: ${Math.round(counted)} ms until it is not counted, ${
        Math.round(watched)
      } until watchers are told`,
    );
    expect(await srv.cluster.room("lobby")).toEqual([]);
    expect(await srv.cluster.topology()).toHaveLength(1);
    expect(await keys()).not.toContain(told[0]?.slice(1));
    await srv.close();
    expect(await keys()).toBe("*0");
  },
  90_000,
);

test(
  "a Redis that was restarted empty is filled again without anybody reconnecting",
  async () => {
    const [a, b] = [onRedis(), onRedis()];
    const peers = [await connect(a), await connect(b), await connect(b)];
    await joinAll(b);
    await eventually(async () => await a.cluster.count() === 3);
    await redis.kill();
    await until(() => a.status().state === "down", "a is down", 10_000);
    peers[0]?.leave();
    await connect(a, { name: "late" });
    await redis.begin();
    await eventually(
      async () =>
        await a.cluster.count() === 3 && await b.isOnline("late") &&
        (await a.cluster.room("lobby")).length === 2,
      20_000,
    );
    expect(peers[1]?.end).toBeUndefined();
    await Promise.all([a.close(), b.close()]);
    expect(await keys()).toBe("*0");
  },
  60_000,
);

test(
  "200 fast connects and disconnects leave nothing behind, while the nodes are there",
  async () => {
    const [a, b] = [onRedis(), onRedis()];
    await Promise.all(Array.from({ length: 200 }, async (_, n) => {
      const srv = n % 2 ? a : b;
      const peer = await connect(srv, { name: `user ${n % 50}` });
      void joinAll(srv);
      if (n % 3) await Bun.sleep(n % 7);
      peer.leave();
    }));
    await eventually(async () => await keys() === "*0");
    expect(await a.cluster.count()).toBe(0);
    expect(await b.cluster.room("lobby")).toEqual([]);
  },
  30_000,
);

test(
  "a registry that is deleted under the nodes is written again with the next renewal",
  async () => {
    const srv = onRedis();
    await connect(srv);
    await eventually(async () => await srv.cluster.count() === 1);
    await redis.command("FLUSHALL");
    expect(await srv.cluster.count()).toBe(0);
    await eventually(async () => await srv.cluster.count() === 1, 15_000);
  },
  30_000,
);

test(
  "a registry of which Redis evicted any key is written again, also where something is written meanwhile",
  async () => {
    const [a, b] = [onRedis(1_500), onRedis(1_500)];
    await connect(a, { name: "ada" });
    await connect(a, { name: "bob" });
    await joinAll(a);
    const isWhole = async () =>
      await b.cluster.count() === 2 && await b.isOnline("ada") &&
      (await b.cluster.room("lobby")).length === 2;
    await eventually(isWhole);
    for (const part of ["nodes", "texts", "lines"]) {
      for (const writes of [false, true]) {
        const key = (await keys()).split("\r\n")
          .find((it) => it.endsWith(`:${part}`)) ?? "";
        expect(await redis.command("DEL", key)).toBe(":1\r\n");
        if (writes) {
          const [conn] = a.local.connections;
          if (!conn) throw new Error("nobody is there");
          await a.room(`${part} ${writes}`).add(conn);
        }
        await eventually(isWhole, 15_000);
      }
    }
  },
  90_000,
);

test("what is no node in the registry is no node of the cluster", async () => {
  const srv = onRedis();
  await connect(srv);
  await eventually(async () => await srv.cluster.count() === 1);
  const key = (await keys()).split("\r\n")
    .find((it) => it.endsWith(":nodes")) ?? "";
  await redis.command("SADD", key, "", "s", "x", "sghost", "s{x}");
  expect(await srv.cluster.topology())
    .toEqual([{ nodeId: srv.nodeId, connections: 1 }]);
  expect(await srv.cluster.connections()).toHaveLength(1);
});
