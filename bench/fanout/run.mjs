// The fan-out bench: server CPU per delivery, ours beside controls without the library, interleaved in one run.
//   node bench/fanout/run.mjs [runtime…] [--rounds N]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bun, deno, root } from "../../scripts/run.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const members = 500;
const words = process.argv.slice(2);
const rounds = Number(words[words.indexOf("--rounds") + 1]) || 3;
const only = ["bun", "deno", "node"].filter((name) => words.includes(name));

const modes = {
  bun: ["native", "plain", "ours"],
  deno: ["plain", "batched", "ours"],
  node: ["plain", "batched", "ours"],
};

// Inside the repository, so that the bundle finds the packages.
const folder = mkdtempSync(join(root, "bench-"));
const bundle = join(folder, "server.mjs");
const server = join(here, "server.ts");
const commands = {
  bun: [bun, server],
  deno: [deno, "run", "-A", "--quiet", server],
  node: [process.execPath, bundle],
};
try {
  const args = ["build", "--target=node", `--outfile=${bundle}`, server];
  spawnSync(bun, args, { stdio: "inherit" });
  console.log(
    "runtime | a turn | mode | µs of server CPU a delivery, median of",
    rounds,
  );
  for (const runtime of only.length > 0 ? only : Object.keys(modes)) {
    for (const perTurn of [1, 10]) await compare(runtime, perTurn);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(runtime, perTurn) {
  const results = Object.fromEntries(modes[runtime].map((mode) => [mode, []]));
  for (let round = 0; round < rounds; round++) {
    for (const mode of modes[runtime]) {
      results[mode].push(await measure(runtime, mode, perTurn));
    }
  }
  for (const mode of modes[runtime]) {
    const sorted = results[mode].toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    console.log(`${runtime} | ${perTurn} | ${mode} | ${median.toFixed(2)}`);
  }
}

async function measure(runtime, mode, perTurn) {
  const messages = perTurn * 300;
  const [program, ...args] = [...commands[runtime], mode, perTurn, messages];
  const child = spawn(program, args.map(String), {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: 120_000,
  });
  const lines = createInterface({ input: child.stdout })
    [Symbol.asyncIterator]();
  const port = Number((await lines.next()).value.split(" ")[1]);
  const reading = [join(here, "readers.mjs"), port, members].map(String);
  const readers = spawn(process.execPath, reading, { timeout: 120_000 });
  const read = createInterface({ input: readers.stdout })
    [Symbol.asyncIterator]();
  await read.next();
  child.stdin.write("go\n");
  const cpu = Number((await lines.next()).value.split(" ")[1]);
  const bytes = Number((await read.next()).value.split(" ")[1]);
  if (bytes < members * messages * 120) {
    throw new Error(
      `${runtime} ${mode} lost messages: only ${bytes} bytes came`,
    );
  }
  return cpu / messages / members;
}
