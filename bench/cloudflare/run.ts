/** `bun bench/cloudflare/run.ts`: cold starts, sizes, wake-ups. `SECONDS=200` is how long the real-time one takes. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundleWorker, startWorker } from "../../tests/cloudflare/workerd.ts";

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
for (let round = 0; round < 9; round++) {
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
    "src/client/named.ts",
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

/** What 100 idle clients cost an object. */
async function idle(
  object: string,
  pingMs: number,
  ms: number,
): Promise<string> {
  await using worker = await startWorker(script, classes);
  const url = `${worker.origin}/?role=user&o=${object}`;
  const sockets = [];
  for (let at = 0; at < 100; at++) sockets.push(await dial(url));
  const timers = sockets.map((it) => {
    it.send("ping");
    return setInterval(() => it.send("ping"), pingMs);
  });
  await pause(ms);
  for (const timer of timers) clearInterval(timer);
  const counts = await (await fetch(`${worker.origin}/counts?o=${object}`))
    .text();
  const open = sockets.filter(({ readyState }) => readyState === 1).length;
  return `${counts}, ${open} of 100 still open`;
}

const seconds = Number(process.env["SECONDS"] ?? 200);
if (seconds > 0) {
  console.log(
    `${seconds} s in real time: ${await idle("slow", 25_000, seconds * 1_000)}`,
  );
}
process.exit(0);
