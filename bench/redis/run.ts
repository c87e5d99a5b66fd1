/** `bun bench/redis/run.ts`: what the Redis adapter costs beside bare PUBLISH and SUBSCRIBE of the same library. */
import { fileURLToPath } from "node:url";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { RedisServer } from "../../tests/redis/redis_server.ts";
import { ways } from "./ways.ts";

const COUNT = Number(process.argv[2] ?? 100_000);
const WINDOW = 5_000;
const TRIPS = 3_000;
const TEXT = "x".repeat(100);
const peer = fileURLToPath(new URL("./peer.ts", import.meta.url));
const redis = await RedisServer.start();

console.log("10 000 channels:", await channels());
for (const perTurn of [1, 100]) {
  for (const name of Object.keys(ways)) {
    console.log(`${perTurn} a turn, ${name}:`, await measure(name, perTurn));
  }
}
await redis.end();

async function measure(name: string, perTurn: number) {
  const child = Bun.spawn([process.execPath, peer, name, redis.url], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let done = 0;
  let answered: (() => void) | undefined;
  const way = await ways[name]!(redis.url, "there", (text) => {
    if (!text.startsWith("?")) done = Number(text);
    const tell = answered;
    answered = undefined;
    tell?.();
  });
  const answer = () => new Promise<void>((resolve) => answered = resolve);
  await child.stdout.getReader().read(); // ready

  let sent = 0;
  const send = async (count: number) => {
    const end = sent + count;
    while (sent < end) {
      while (sent - done >= WINDOW) await answer();
      for (let turn = 0; turn < perTurn; turn++, sent++) way.send(TEXT);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (done < end) await answer();
  };
  await send(10_000); // warm
  const before = await usage();
  const started = performance.now();
  await send(COUNT);
  const seconds = (performance.now() - started) / 1_000;
  const after = await usage();

  const times: number[] = [];
  for (let at = 0; perTurn === 1 && at < TRIPS; at++) {
    const began = performance.now();
    const back = answer();
    way.send(`?${at}`);
    await back;
    times.push((performance.now() - began) / 2);
  }
  times.sort((a, b) => a - b);
  await way.end();
  child.stdin.end();
  await child.exited;
  return {
    messagesPerSecond: Math.round(COUNT / seconds),
    publishesPerMessage: +((after.publishes - before.publishes) / COUNT)
      .toFixed(4),
    redisCpuPerMessageUs: +((after.cpu - before.cpu) / COUNT * 1e6).toFixed(2),
    ...(times.length > 0 && {
      oneWayMs: {
        p50: +times[TRIPS * .5 | 0]!.toFixed(3),
        p99: +times[TRIPS * .99 | 0]!.toFixed(3),
      },
    }),
  };
}

async function usage() {
  const info = await redis.command("INFO", "everything");
  const number = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0);
  return {
    publishes: number(/cmdstat_publish:calls=(\d+)/),
    cpu: number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/),
  };
}

async function channels() {
  const host = new RecordingHost();
  const adapter = createRedisAdapter(redis.url);
  adapter.open(host);
  await adapter.subscribe("first");
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  const names = Array.from({ length: 10_000 }, (_, at) => `room:${at}`);
  const started = performance.now();
  await Promise.all(names.map((name) => adapter.subscribe(name)));
  const subscribeMs = Math.round(performance.now() - started);
  await Bun.sleep(500);
  Bun.gc(true);
  const megabytes = (process.memoryUsage().rss - before) / 1e6;
  const backMs: number[] = [];
  for (let round = 0; round < 5; round++) {
    await Bun.sleep(2_500); // after less it is the same outage to the back-off
    await redis.kill();
    await host.until("down", 10_000, () => host.state === "down");
    await redis.begin();
    const back = performance.now();
    await host.until("up", 20_000, () => host.state === "up");
    backMs.push(Math.round(performance.now() - back));
  }
  await adapter.close();
  return { subscribeMs, megabytes: +megabytes.toFixed(1), backMs };
}
