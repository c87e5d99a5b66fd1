import { afterAll, expect, test } from "bun:test";
import { createRedisAdapter } from "../../adapters/redis.ts";
import type { RedisAdapterOptions } from "../../adapters/redis.ts";
import { logKey } from "../../adapters/redis/log_format.ts";
import { slotOf } from "../../adapters/redis/slots.ts";
import type { Appended } from "../../src/seams/log.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { parsePosition } from "../../src/wire/position.ts";
import { until } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const redis = await RedisServer.start();
const proxy = await TcpProxy.start(redis.port);
const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(open.map((it) => it.close()));
  await proxy.end();
  await redis.end();
});

const KEEP = { last: 1_000, forMs: 60_000 };

function node(namespace: string, options: RedisAdapterOptions = {}) {
  const host = new RecordingHost();
  const adapter = createRedisAdapter({
    url: proxy.url,
    namespace,
    timeoutMs: 2_000,
    ...options,
  });
  adapter.open(host);
  open.push(adapter);
  const { log } = adapter;
  if (!log) throw new Error("no log");
  const payloads = async (channel = "c") =>
    (await log.read(channel, undefined, 10_000)).entries
      .map(({ payload }) => payload);
  return { adapter, host, log, payloads };
}

function epoch(appended: Appended): string | undefined {
  return appended.kept === true
    ? parsePosition(appended.position)?.epoch
    : undefined;
}

test(
  "an attempt that arrives after its retry stores nothing, and the order holds",
  async () => {
    const { log, payloads, host } = node("late");
    await log.append("c", "before", KEEP);
    proxy.delay();
    const sent = Array.from(
      { length: 5 },
      (_, n) => log.append("c", `${n}`, KEEP),
    );
    await until(() => true); // the turn is over, and the attempt on its way
    await new Promise((resolve) => setTimeout(resolve, 50));
    const arrive = proxy.abandon();
    const outcomes = await Promise.all(sent);
    const after = await log.append("c", "after", KEEP);
    arrive();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stored = await payloads();
    expect(new Set(stored).size).toBe(stored.length);
    const kept = outcomes.flatMap((it, n) => it.kept === true ? [`${n}`] : []);
    expect(stored.filter((it) => /^\d$/.test(it))).toEqual(kept);
    expect(outcomes.map((it) => it.kept)).not.toContain("unknown");
    expect(after.kept).toBe(true);
    expect(host.errors).toEqual([]);
  },
  20_000,
);

test("after SCRIPT FLUSH everything is stored once and in order", async () => {
  const { log, payloads } = node("flushed");
  await log.append("c", "first", KEEP);
  const sent: Promise<Appended>[] = [];
  for (let round = 0; round < 20; round++) {
    if (round % 4 === 1) await redis.command("SCRIPT", "FLUSH");
    for (let n = 0; n < 10; n++) {
      sent.push(log.append("c", `${round * 10 + n}`, KEEP));
      if (n % 3 === 0) await undefined;
    }
  }
  const outcomes = await Promise.all(sent);
  expect(outcomes.every(({ kept }) => kept === true)).toBe(true);
  expect(await payloads()).toEqual(
    ["first", ...Array.from({ length: 200 }, (_, n) => `${n}`)],
  );
}, 20_000);

test("a message whose publish Redis refuses is taken out again, and the hole is told", async () => {
  const rights = ["on", ">pw", "~*", "+@all", "resetchannels", "&acl@*"];
  await redis.command("ACL", "SETUSER", "mute", ...rights);
  const url = `redis://mute:pw@127.0.0.1:${redis.port}`;
  const { log, payloads, adapter, host } = node("acl", { url });
  const other = node("acl");
  await other.adapter.subscribe("c");
  const before = await other.log.append("c", "before", KEEP);
  const refused = await log.append("c", "refused", KEEP);
  expect(refused.kept).toBe(false);
  expect(String((refused as { cause: Error }).cause.cause)).toContain(
    "can't publish",
  );
  expect(await payloads()).toEqual(["before"]);
  await other.log.append("c", "after", KEEP);
  await until(() => other.host.pushed("c").length === 2);
  const numbers = other.host.pushed("c")
    .map(({ position }) => parsePosition(position)?.n ?? 0);
  expect((numbers[1] ?? 0) - (numbers[0] ?? 0)).toBe(2);
  const { whole } = await other.log.read(
    "c",
    before.kept === true ? before.position : undefined,
    10,
  );
  expect(whole).toBe(false);
  expect(host.errors).toEqual([]);
  await adapter.close();
});

test("a log that was deleted behind a node's back and begun again with a clock that went back has a new epoch", async () => {
  const { log } = node("clock");
  const a = await log.append("c", "a", KEEP);
  const key = logKey("clock:c", "log");
  await redis.command("DEL", key);
  await redis.command("XADD", key, "1000000000-0", "someone", "t 1 0 x");
  const b = await log.append("c", "b", KEEP);
  const c = await log.append("c", "c", KEEP);
  expect(epoch(b)).not.toBe(epoch(a));
  expect(epoch(c)).toBe(epoch(b));
});

test(
  "what waits for Redis is bounded, and what does not fit is not kept",
  async () => {
    const { log } = node("bounded", { maxPendingLength: 10_000 });
    await log.append("c", "a", KEEP);
    proxy.hang();
    const sent = Array.from(
      { length: 20 },
      () => log.append("c", "x".repeat(1_000), KEEP),
    );
    const early = await Promise.race([
      sent[19],
      new Promise<Appended>((_, reject) => setTimeout(reject, 1_000)),
    ]);
    expect(early?.kept).toBe(false);
    proxy.resume();
    const outcomes = await Promise.all(sent);
    const kept = outcomes.map((it) => it.kept);
    expect(kept.filter((it) => it === true).length).toBe(7);
  },
  20_000,
);

test("a log's key lives for a day, and so does the mark of an empty one", async () => {
  const { log } = node("ttl");
  await log.append("c", "a", KEEP);
  await log.read("d", undefined, 1);
  for (const channel of ["c", "d"]) {
    const key = logKey(`ttl:${channel}`, "log");
    const ttl = Number((await redis.command("TTL", key)).slice(1));
    expect(ttl).toBeGreaterThan(86_400);
    expect(ttl).toBeLessThanOrEqual(90_000);
  }
});

test("a log's keys are in the slot of its channel, whatever braces that has", () => {
  const names = ["a", "a{b}", "{}", "a}b", "a{b", "{}{x}", "}{", "{{x}}", "é}"];
  for (const name of names) {
    for (const kind of ["log", "id"] as const) {
      expect(slotOf(logKey(`p:${name}`, kind))).toBe(slotOf(`p:${name}`));
    }
  }
  const keys = names.map((name) => logKey(`p:${name}`, "log"));
  expect(new Set(keys).size).toBe(names.length);
});
