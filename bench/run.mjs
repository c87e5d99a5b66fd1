// `bun run bench [-- --quick | --smoke] [--json] [--record] [scenario…]`: measures this library beside controls
// without it and beside peers, and says which targets are met. Never fails on a figure.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { chartOf } from "./harness/chart.mjs";
import { ensurePeers } from "./harness/install.mjs";
import { describe } from "./harness/machine.mjs";
import { here } from "./harness/programs.mjs";
import { lineOf, tableOf } from "./harness/report.mjs";

/** How much is done: rounds, how much of each job a round does, and `few` to see only that all of it runs. */
const sizes = {
  full: { rounds: 3, scale: 1 },
  quick: { rounds: 1, scale: 0.1 },
  smoke: { rounds: 1, scale: 0.002, few: true },
};
const scenarios = [
  ...["types", "client", "fanout", "rooms", "requests", "prices", "joins"],
  ...["growth", "redis", "unwanted", "upstash", "workerd", "idle", "http"],
];

const words = process.argv.slice(2).filter((word) => word !== "--");
const options = words.filter((word) => word.startsWith("--"));
const named = words.filter((word) => !word.startsWith("--"));
const unknown = named.filter((name) => !scenarios.includes(name));
if (unknown.length > 0) {
  console.error(
    `no scenario ${unknown.join(", ")}; there are ${scenarios.join(", ")}`,
  );
  process.exit(2);
}
const json = options.includes("--json");
const name = ["smoke", "quick"].find((it) => options.includes(`--${it}`)) ??
  "full";

if (!sizes[name].few) ensurePeers();
const about = { ...describe(), size: name };
const began = performance.now();
const results = [];
const broken = [];
for (const scenario of named.length > 0 ? named : scenarios) {
  const { run } = await import(`./scenarios/${scenario}.mjs`);
  const start = performance.now();
  try {
    for await (const result of run(sizes[name])) {
      results.push(result);
      console.log(json ? JSON.stringify(result) : lineOf(result));
    }
  } catch (error) {
    broken.push(scenario);
    console.error(`${scenario} does not run:`, error);
  }
  if (options.includes("--record")) record(); // after each: a run that is ended early is kept
  const seconds = ((performance.now() - start) / 1_000).toFixed(0);
  console.error(`(${scenario} took ${seconds} s)`);
}

const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.error(`the run took ${minutes} minutes`);
if (!json) {
  const judged = results.filter(({ ok }) => ok !== undefined);
  const met = judged.filter(({ ok }) => ok);
  console.log(`\n${tableOf(results)}`);
  console.log(`\n${met.length} of ${judged.length} targets met`);
}
process.exit(broken.length > 0 ? 1 : 0); // a program that no longer runs is a defect, a figure is not

function record() {
  const folder = join(here, "results");
  mkdirSync(folder, { recursive: true });
  const run = { ...about, results };
  writeFileSync(
    join(folder, `${about.date}.json`),
    `${JSON.stringify(run, null, 2)}\n`,
  );
  writeFileSync(join(folder, "chart.svg"), chartOf(run));
}
