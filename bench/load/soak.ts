// A mix of everything for a while, and whether the server's heap stays what it is.
//   bun run soak -- --seconds 60 [--clients 5000] [--runtime bun|deno|node]
// Ends with one line, and with status 1 when something was lost or the heap grew by 1 % a minute or more.
import process from "node:process";
import { parseArgs } from "node:util";
import { createClient } from "../../src/client/client.ts";
import { api } from "./api.ts";
import { type Runtime, startServer } from "./child.ts";
import type { Look } from "./server.ts";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "--"), // Bun hands it on
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "5000" },
    runtime: { type: "string", default: "bun" },
  },
});
const seconds = Number(values.seconds);
const count = Number(values.clients);
const server = await startServer(values.runtime as Runtime);

const tally = { answered: 0, heard: 0, churned: 0, cancelled: 0 };
const failures = new Map<string, number>();
const fail = (error: unknown) =>
  void failures.set(String(error), (failures.get(String(error)) ?? 0) + 1);
const any = (n: number) => Math.floor(Math.random() * n);

function makeClient(index: number) {
  const client = createClient(api, {
    url: `ws://127.0.0.1:${server.port}/`,
    role: "user",
    timeoutMs: 120_000,
    onError: fail,
  });
  const heard = () => void tally.heard++;
  client.on("said", heard);
  client.subscribe("news", heard);
  client.join({ room: `r${index % (count / 10)}` }).catch(fail);
  return client;
}

const clients: ReturnType<typeof makeClient>[] = [];
for (let n = 0; n < count; n++) {
  clients.push(makeClient(n));
  if (n % 100 === 99) await clients.at(-1)?.ready;
}
await Promise.all(clients.map(({ ready }) => ready));
const start = Date.now();
const minutes = () => (Date.now() - start) / 60_000;

const pick = () => clients[any(count)] as typeof clients[number]; // all are there
const answered = () => void tally.answered++;
/** A tenth of a second's traffic. */
function act(): void {
  for (let n = 0; n < 20; n++) {
    pick().echo({ text: "x".repeat(any(400)) }).then(answered, fail);
  }
  for (let n = 0; n < 5; n++) {
    pick().say({ room: `r${any(count / 10)}` }).then(answered, fail);
    pick().typing(null);
  }
  pick().slow({ ms: 1_000 }, { signal: AbortSignal.timeout(50) })
    .catch(() => void tally.cancelled++);
  // Only one that nothing is under way on: what is lost with a connection is no failure of the server.
  const index = any(count);
  clients[index]?.close();
  tally.churned++;
  clients[index] = makeClient(index);
}

const samples: { at: number; heap: number }[] = [];
let last: Look | undefined;
let announced = 0;
for (let due = Date.now(); minutes() * 60 < seconds;) {
  act();
  if (Math.floor(minutes() * 60 / 2) > announced) {
    announced++;
    pick().announce(null).then(answered, fail);
  }
  if (minutes() * 60 >= 5 * (samples.length + 1)) {
    last = await server.look();
    samples.push({ at: minutes(), heap: last.heap });
  }
  due = Math.max(due + 100, Date.now());
  await new Promise((resolve) =>
    setTimeout(resolve, Math.max(0, due - Date.now()))
  );
}

for (const client of clients) client.close();
const held = async () => {
  const { stats } = await server.look();
  return Object.values(stats.sizes).reduce((all, size) => all + size, 0);
};
let left = await held();
for (let tries = 0; left > 0 && tries < 50; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  left = await held();
}
await server.end();

// Calls on a connection that this program itself closed are given up by it.
const lost = [...failures].filter(([text]) => !text.includes("ended with 1000"))
  .reduce((all, [, n]) => all + n, 0);
const settled = samples.filter(({ at }) => at >= 1);
const growth = settled.length > 5 ? slope(settled) : 0;
const grew = settled.length > 5
  ? `grew ${growth.toFixed(2)} % a minute after the first`
  : "too short to say whether it grew";
console.log(
  `soak: ${values.runtime}, ${seconds} s, ${count} connections, ${tally.answered} requests, ${tally.heard} deliveries, ` +
    `${tally.cancelled} cancelled, ${tally.churned} reconnects, ${lost} lost, ${last?.stats.errors} errors, ` +
    `${last?.stats.dropped} dropped, heap ${
      ((last?.heap ?? 0) / 1e6).toFixed(1)
    } MB, ${grew}, ${left} held at the end`,
);
if (lost > 0) console.error(failures);
process.exit(lost > 0 || left > 0 || growth >= 1 ? 1 : 0);

/** Percent a minute, by least squares. */
function slope(points: readonly { at: number; heap: number }[]): number {
  const mean = (of: (point: { at: number; heap: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const at = mean((point) => point.at);
  const heap = mean((point) => point.heap);
  const covariance = mean((point) => (point.at - at) * (point.heap - heap));
  return 100 * covariance / mean((point) => (point.at - at) ** 2) / heap;
}
