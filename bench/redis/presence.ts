/** `bun bench/redis/presence.ts`: the figures of docs/reach.md. */
import { z } from "zod";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { LocalUpstash } from "../../tests/upstash/local_upstash.ts";

const REGISTERED = Number(process.argv[2] ?? 100_000);
const TRIPS = 2_000;

const api = defineContract({
  shared: {
    serverToClient: { confirm: { input: z.string(), output: z.string() } },
  },
  roles: { user: {} },
});
const local = await LocalUpstash.start();
const { redis, server } = local;
const { url, token } = server;

const node = (adapter: Adapter, presence: boolean) =>
  createSocketServer(api, {
    adapter,
    ...{ presence, reach: true },
    authenticate: () => ({ role: "user" as const }),
  }).implement({});
const tcp = (namespace: string) =>
  createRedisAdapter({ url: redis.url, namespace, timeoutMs: 600_000 });
const rest = (namespace: string) =>
  createUpstashAdapter({ url, token, namespace });

async function client(srv: ReturnType<typeof node>) {
  const it = createClient(api, {
    ...{ url: "ws://app.test", role: "user" },
    WebSocket: loopback(srv),
  });
  it.implement({ confirm: (text) => text });
  await it.ready;
  return it;
}

await questions();
await commands("Redis", tcp, redisCommands);
await commands("REST", rest, () => Promise.resolve(server.counters.commands));
await counting("Redis", tcp);
await counting("REST", rest);
await local.end();
process.exit(0);

async function questions() {
  const [a, b] = [node(tcp("ask"), false), node(tcp("ask"), false)];
  await Promise.all([client(a), client(b)]);
  await a.cluster.nodes();
  for (const [name, { local }] of Object.entries({ own: a, other: b })) {
    const target = a.toConn(local.connections[0]!.id);
    for (let at = 0; at < 200; at++) await target.request("confirm", "warm");
    const times: number[] = [];
    for (let at = 0; at < TRIPS; at++) {
      const started = performance.now();
      await target.request("confirm", "x");
      times.push(performance.now() - started);
    }
    console.log(`question to a client of the ${name} node:`, spread(times));
  }
  await Promise.all([a.close(), b.close()]);
}

async function redisCommands() {
  const text = await redis.command("INFO", "commandstats");
  let all = 0;
  for (const [, name, calls] of text.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)) {
    if (name !== "info") all += Number(calls);
  }
  return all;
}

/** What each step costs beside the same step without a registry. Commands that a script calls count too. */
async function commands(
  name: string,
  adapter: (namespace: string) => Adapter,
  read: () => Promise<number>,
) {
  const costs: Record<string, number[]> = {};
  for (const presence of [true, false]) {
    const srv = node(adapter(`cost-${presence}`), presence);
    await client(srv); // the first of its role and node
    const room = srv.room("lobby");
    const [first] = srv.local.connections;
    await room.add(first!);
    await quiet(read);
    let before = await read();
    const step = async (what: string, act: () => unknown) => {
      await act();
      await quiet(read);
      const after = await read();
      (costs[what] ??= []).push(after - before);
      before = after;
    };
    let second: Awaited<ReturnType<typeof client>> | undefined;
    const others: (typeof second)[] = [];
    await step("connect", async () => second = await client(srv));
    const conn = () => srv.local.connections.at(-1)!;
    await step("join", () => room.add(conn()));
    await step("leave", () => room.remove(conn()));
    await step("disconnect", () => second?.close());
    await step("100 connects at once", async () => {
      const all = Array.from({ length: 100 }, () => client(srv));
      others.push(...await Promise.all(all));
    });
    await step(
      "100 disconnects at once",
      () => others.forEach((it) => it?.close()),
    );
    await srv.close();
  }
  for (const [what, [by = 0, without = 0]] of Object.entries(costs)) {
    console.log(`${name}, ${what}: ${by - without} commands`);
  }
  const one = adapter("renewal");
  one.open(new RecordingHost());
  await one.presence!.write([{ id: "1", text: "x", sets: [], left: [] }], 1e6);
  const before = await read();
  await one.presence!.renew(1e6);
  console.log(`${name}, renewal: ${await read() - before} commands`);
  await one.presence!.clear();
  await one.close();
}

/** Waits until nothing was sent for a while, polls aside. */
async function quiet(read: () => Promise<number>) {
  for (let seen = -1, calm = 0; calm < 3;) {
    await Bun.sleep(150);
    const now = await read();
    calm = now === seen ? calm + 1 : 0;
    seen = now;
    if (performance.now() > 90_000) throw new Error("It does not come to rest");
  }
}

async function counting(name: string, adapter: (namespace: string) => Adapter) {
  const nodes = Array.from({ length: 5 }, () => {
    const one = adapter("many");
    one.open(new RecordingHost());
    return one.presence!;
  });
  const text = JSON.stringify({
    role: "user",
    connectedAt: Date.now(),
    userId: "7c1f6f0e-1111-4222-8333-444455556666",
    rooms: ["room:lobby"],
    name: "somebody",
  });
  const wrote = performance.now();
  await Promise.all(nodes.map((store, of) => {
    const changes = Array.from({ length: REGISTERED / 5 }, (_, at) => ({
      id: crypto.randomUUID(),
      text,
      sets: ["room:lobby", `user:${of} ${at}`],
      left: [],
    }));
    return store.write(changes, 600_000);
  }));
  const seconds = (performance.now() - wrote) / 1_000;
  console.log(`${name}: ${REGISTERED} written in ${seconds.toFixed(1)} s`);
  const [store] = nodes;
  const time = async (what: string, act: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let at = 0; at < 100; at++) {
      const started = performance.now();
      await act();
      times.push(performance.now() - started);
      if (times[0]! > 1_000) break;
    }
    console.log(`${name}: ${what} of ${REGISTERED}:`, spread(times));
  };
  await time("count()", () => store!.counts());
  await time("count of a room of all", () => store!.counts("room:lobby"));
  await time("isOnline(user)", () => store!.counts("user:1 7"));
  await time("byUser(user)", () => store!.list("user:1 7"));
  if (name === "Redis") {
    await time("connections()", () => store!.list());
    const memory = await redis.command("INFO", "memory");
    console.log("memory:", /used_memory_human:(\S+)/.exec(memory)?.[1]);
  }
  await Promise.all(nodes.map((it) => it.clear()));
}

function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
      .toFixed(2);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
