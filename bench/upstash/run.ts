// What the adapter over REST takes: latency, commands, losses, throughput, on a
// local Upstash with or without a longer way to it.
//   bun bench/upstash/run.ts [latency|commands|outage|throughput]
import { Redis } from "@upstash/redis";
import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { LocalUpstash } from "../../tests/upstash/local_upstash.ts";

const which = process.argv[2];
const local = await LocalUpstash.start();
const { url, token } = local.server;
let made = 0;

function open(options: UpstashAdapterOptions, namespace: string) {
  const host = new RecordingHost();
  const adapter = createUpstashAdapter({ url, token, namespace, ...options });
  adapter.open(host);
  return { host, adapter };
}

/** Two nodes of which one listens; `told` is called with the age of each message. */
async function pair(
  options: UpstashAdapterOptions,
  told: (ms: number) => void = () => {},
) {
  const namespace = `bench-${made++}`;
  const [from, to] = [open(options, namespace), open(options, namespace)];
  to.host.onMessage = (_channel, payload) =>
    told(performance.now() - Number(payload));
  await to.adapter.subscribe("c");
  const end = () => Promise.all([from.adapter.close(), to.adapter.close()]);
  return { from, to, end };
}

const of = (all: number[], share: number) =>
  Math.round(
    all.toSorted((a, b) => a - b)[Math.floor(all.length * share)] ?? 0,
  );

const modes = {
  polling: {},
  "sse wake": { wake: "sse" },
} satisfies Record<string, UpstashAdapterOptions>;

if (!which || which === "latency") {
  console.log(
    "| added delay | mode | traffic p50 / p95 | after idle p50 / p95 |",
  );
  for (const delayMs of [0, 30]) {
    local.server.trouble({ delayMs });
    await Promise.all(
      Object.entries(modes).map(async ([name, options]) => {
        const steady: number[] = [];
        const idle: number[] = [];
        let ages = steady;
        const { from, end } = await pair(options, (ms) => ages.push(ms));
        await Bun.sleep(1_000);
        for (let at = 0; at < 200; at++) {
          from.adapter.publish("c", `${performance.now()}`);
          await Bun.sleep(30 + Math.random() * 40);
        }
        await Bun.sleep(1_000);
        ages = idle;
        for (let at = 0; at < 6; at++) {
          await Bun.sleep(12_000 + Math.random() * 5_000);
          from.adapter.publish("c", `${performance.now()}`);
        }
        await Bun.sleep(6_000);
        await end();
        const [s, i] = [steady, idle].map((it) =>
          `${of(it, 0.5)} / ${of(it, 0.95)}`
        );
        console.log(`| ${delayMs} | ${name} | ${s} | ${i} |`);
      }),
    );
  }
  local.server.trouble({});
}

if (!which || which === "commands") {
  for (const [name, options] of Object.entries(modes)) {
    const { from, end } = await pair(options);
    from.adapter.publish("c", "0");
    await Bun.sleep(25_000); // until the waits are at their longest
    const idle = await local.cost(() => Bun.sleep(60_000));
    const { byCommand: before } = local.server.counters;
    for (let at = 0; at < 200; at++) {
      from.adapter.publish("c", `${performance.now()}`);
      await Bun.sleep(50);
    }
    await Bun.sleep(500);
    const { byCommand: after } = local.server.counters;
    const spent = ["xadd", "publish", "xread"].map((it) =>
      `${it} ${((after[it] ?? 0) - (before[it] ?? 0)) / 200}`
    );
    console.log(
      `${name}: idle ${
        idle.commands * 60
      } commands an hour; a message (20 a second, one reader): ${
        spent.join(", ")
      }`,
    );
    await end();
  }
}

if (!which || which === "outage") {
  const plain = new Redis({ url, token });
  const subscription = plain.subscribe<string>("plain");
  let heard = 0;
  subscription.on("message", () => heard++);
  const publisher = new Redis({ url, token });
  const nodes = await Promise.all(
    Object.entries(modes).map(async ([name, options]) => {
      const ages: number[] = [];
      return { name, ages, ...await pair(options, (ms) => ages.push(ms)) };
    }),
  );
  await Bun.sleep(500);
  let sent = 0;
  const failed: unknown[] = [];
  const timer = setInterval(() => {
    sent++;
    publisher.publish("plain", "x").catch((error) => failed.push(error));
    for (const { from } of nodes) {
      from.adapter.publish("c", `${performance.now()}`);
    }
  }, 20);
  await Bun.sleep(3_000);
  await local.server.pause();
  await Bun.sleep(2_500);
  await local.server.resume();
  await Bun.sleep(3_500);
  clearInterval(timer);
  await Bun.sleep(6_000);
  for (const { name, ages, from, end } of nodes) {
    console.log(
      `${name}: ${ages.length} of ${sent}, ${from.host.lost} given up, p50 ${
        of(ages, 0.5)
      } ms, p99 ${of(ages, 0.99)} ms`,
    );
    await end();
  }
  console.log(
    `redis.subscribe(): ${heard} of ${sent}, ${failed.length} publishes failed`,
  );
}

if (!which || which === "throughput") {
  for (const delayMs of [0, 30]) {
    local.server.trouble({ delayMs });
    const namespace = `bench-${made++}`;
    const [from, to] = [open({}, namespace), open({}, namespace)];
    const ages: number[] = [];
    to.host.onMessage = (_channel, payload) =>
      ages.push(performance.now() - Number(payload));
    const channels = Array.from({ length: 100 }, (_, at) => `c${at}`);
    await Promise.all(channels.map((it) => to.adapter.subscribe(it)));
    const cost = await local.cost(async () => {
      const started = performance.now();
      for (let sent = 0; sent < 10_000;) {
        const due = performance.now() - started; // one each millisecond
        for (; sent < due && sent < 10_000; sent++) {
          from.adapter.publish(`c${sent % 100}`, `${performance.now()}`);
        }
        await Bun.sleep(2);
      }
      const deadline = performance.now() + 20_000;
      while (to.host.count < 10_000 && performance.now() < deadline) {
        await Bun.sleep(10);
      }
      const seconds = (performance.now() - started) / 1_000;
      console.log(
        `1000 a second to 100 channels, ${delayMs} ms: ${to.host.count} of 10000 in ${
          seconds.toFixed(1)
        } s, p50 ${of(ages, 0.5)} ms, p95 ${
          of(ages, 0.95)
        } ms, ${from.host.lost} given up`,
      );
    });
    console.log(`  ${cost.requests} requests, ${cost.commands} commands`);
    await Promise.all([from.adapter.close(), to.adapter.close()]);
  }
}
await local.end();
process.exit(0);
