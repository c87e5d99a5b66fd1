// `ways.mjs <way> <turns>`: one message or ten each 50 ms from one client of a local Upstash to another.
import process from "node:process";
import { Redis } from "@upstash/redis";
import { z } from "zod";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import { LocalUpstash } from "../../tests/upstash/local_upstash.ts";

const [name, turns] = process.argv.slice(2);
const local = await LocalUpstash.start();
const { url, token } = local.server;
const client = () => new Redis({ url, token });
const payload = z.object({ at: z.number(), text: z.string() });
const text = "x".repeat(80);

/** Each hears with a function, and gives one that sends. */
const ways = {
  /** The SDK alone: PUBLISH, and SUBSCRIBE over a stream of events. What is sent while that is away is lost. */
  async bare(heard) {
    const subscription = client().subscribe("m");
    subscription.on("message", ({ message }) => heard(payload.parse(message)));
    await new Promise((live) => subscription.on("subscribe", live));
    const redis = client();
    return (data) => redis.publish("m", payload.parse(data));
  },
  ours: (heard) => nodes(heard, { wake: "sse" }),
  polling: (heard) => nodes(heard, {}),
  async realtime(heard) {
    const { Realtime } = await import("@upstash/realtime");
    const make = () =>
      new Realtime({ schema: { m: payload }, redis: client() });
    await make().subscribe({ events: ["m"], onData: (it) => heard(it.data) });
    const from = make();
    return (data) => from.emit("m", data);
  },
};

async function nodes(heard, options) {
  const api = defineContract({
    roles: { user: {} },
    serverToServer: { m: payload },
  });
  const [from, to] = [0, 1].map(() =>
    createSocketServer(api, {
      adapter: createUpstashAdapter({ url, token, ...options }),
      authenticate: () => ({ role: "user" }),
    })
  );
  await to.onServer("m", heard).ready;
  return (data) => from.emitServer("m", data);
}

const ages = [];
const send = await ways[name](({ at }) => ages.push(performance.now() - at));
for (const perTurn of [1, 10]) {
  await run(perTurn, 10); // warm
  const sent = Number(turns) * perTurn;
  const { requests, commands } = await local.cost(() => run(perTurn, turns));
  console.log(JSON.stringify({
    p50: ages.toSorted((a, b) => a - b)[sent >> 1],
    requests: requests / sent,
    commands: commands / sent,
  }));
}
process.stdin.on("end", async () => {
  await local.redis.end(); // the rest ends with this process
  process.exit(0);
}).resume();

async function run(perTurn, turns) {
  ages.length = 0;
  for (let turn = 0; turn < turns; turn++) {
    for (let at = 0; at < perTurn; at++) {
      send({ at: performance.now(), text });
    }
    await new Promise((later) => setTimeout(later, 50));
  }
  for (let tries = 0; ages.length < turns * perTurn && tries < 200; tries++) {
    await new Promise((later) => setTimeout(later, 50));
  }
  if (ages.length < turns * perTurn) {
    throw new Error(`only ${ages.length} of ${turns * perTurn} came`);
  }
}
