/** `bun bench/cloudflare/run.ts`: cold starts, sizes, wake-ups. `SECONDS=180` is how long each in real time takes. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundleWorker, startWorker } from "../../tests/cloudflare/workerd.ts";
import { LocalUpstash } from "../../tests/upstash/local_upstash.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = await bundleWorker("bench/cloudflare/worker.ts");
const classes = { CHAT: "Chat", BARE: "Bare" };
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function dial(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, ["superline.v1"]);
  await next(socket);
  return socket;
}

const next = (socket: WebSocket) =>
  new Promise((done) => socket.onmessage = done);

/** From the first request to the first answer, in a workerd that has answered nothing yet. */
async function coldStart(path: string, message: string): Promise<number> {
  await using worker = await startWorker(script, classes);
  const start = performance.now();
  const socket = await dial(`${worker.origin}/${path}`);
  const answered = next(socket);
  socket.send(message);
  await answered;
  const took = performance.now() - start;
  socket.close();
  return took;
}

const median = (all: number[]) => all.sort((a, b) => a - b)[all.length >> 1];

const times: Record<string, number[]> = { ours: [], bare: [] };
for (let round = 0; round < Number(process.env["ROUNDS"] ?? 9); round++) {
  times["ours"]?.push(
    await coldStart("cold?role=user", '["req",1,"echo","x"]'),
  );
  times["bare"]?.push(await coldStart("bare", "x"));
}
for (const [what, all] of Object.entries(times)) {
  console.log(
    `cold start, ${what}: ${
      median(all)?.toFixed(1)
    } ms, median of ${all.length}`,
  );
}

for (
  const entry of [
    "mod.ts",
    "src/cloudflare.ts",
    "src/client/client.ts",
  ]
) {
  const { outputs: [output] } = await Bun.build({
    entrypoints: [root + entry],
    target: "browser",
    minify: true,
    external: ["node:*"],
  });
  const code = await output?.text() ?? "";
  console.log(
    `${entry}: ${code.length} bytes min, ${
      gzipSync(code, { level: 9 }).length
    } min+gzip`,
  );
}

/** What idle clients in a room cost an object an hour, and how often it was made, rung and spoken to in all. */
async function idle(what: string, settings: { IDLE_MS: number } | undefined) {
  const local = await LocalUpstash.start();
  const { url, token } = local.server;
  await using worker = await startWorker(script, classes, {
    bindings: settings ? { ...settings, UPSTASH: { url, token } } : {},
  });
  const sockets: WebSocket[] = [];
  // In turn: after two upgrades at once workerd never takes the object out of memory.
  while (sockets.length < clients) {
    const socket = await dial(`${worker.origin}/?role=user&o=idle`);
    const joined = next(socket);
    socket.send('["req",1,"join","a"]');
    await joined;
    sockets.push(socket);
  }
  const pings = sockets.map((it) => {
    it.send("ping");
    return setInterval(() => it.send("ping"), 25_000);
  });
  await pause(SETTLE_S * 1_000);
  const before = local.server.counters.commands;
  await pause(seconds * 1_000);
  const commands = local.server.counters.commands - before;
  for (const ping of pings) clearInterval(ping);
  const counts = await (await fetch(`${worker.origin}/counts?o=idle`)).text();
  const open = sockets.filter(({ readyState }) => readyState === 1).length;
  console.log(
    `${what}: ${commands} commands in ${seconds} s, ${
      commands * 3_600 / seconds
    } an hour; in ${SETTLE_S + seconds} s ${counts}, ${open} still open`,
  );
  await local.end();
}

const seconds = Number(process.env["SECONDS"] ?? 180);
const clients = Number(process.env["CLIENTS"] ?? 100);
/** What the start has to read, and the first look of the sleep rule, are no part of an idle hour. */
const SETTLE_S = 45;
if (seconds > 0) {
  console.log(`${clients} idle clients:`);
  await Promise.all([
    idle("no other node", undefined),
    idle("Upstash, rests after 30 s", { IDLE_MS: 30_000 }),
    idle("Upstash, never rests", { IDLE_MS: 3_600_000 }),
  ]);
}
process.exit(0);
