// What `npm test` runs, in this order. A step has commands, of which each must
// succeed, and counts as one check; a step that counts by itself has `run`.
// `npm test -- fast` runs the steps that are `fast`; `npm test -- full` adds those
// that are `full`: the same tests with more messages, frames and clients.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { bunTest } from "./bun_test.mjs";
import { checkDocs } from "./check_docs.mjs";
import { bun, deno, root } from "./run.mjs";

const config = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
const entries = Object.values(config.exports);

// Deno starts an isolate a file, so those without an example are left out.
const withExamples = ["README.md", "AGENTS.md", "mod.ts"]
  .concat(filesIn("docs", ".md"), filesIn("src", ".ts"))
  .concat(filesIn("adapters", ".ts"))
  .filter((file) => existsSync(join(root, file)))
  .filter((file) => readFileSync(join(root, file), "utf8").includes("```ts"));

const tsc = [bun, "node_modules/typescript/bin/tsc", "--project"];
const published = ["--project", "tsconfig.published.json"];
const script = (name) => [bun, `scripts/${name}.mjs`];

// The tests of the core alone: no process, no broker, no browser.
const core = ["server", "client", "cluster", "testing"]
  .map((folder) => `tests/${folder}/`)
  .concat("tests/contract_test", "tests/protocol", "tests/relay_test");

/** @type {{ name: string, fast?: boolean, full?: boolean, commands?: string[][], timeoutMs?: number, run?: () => Promise<object> }[]} */
export const steps = [
  { name: "format", fast: true, commands: [[deno, "fmt", "--check"]] },
  { name: "lint", fast: true, commands: [[deno, "lint"]] },
  { name: "manifests", commands: [script("check_manifests")] },
  { name: "arrows", fast: true, commands: [script("check_arrows")] },
  // Exports and files that nothing uses; what programs load by name is in knip.jsonc.
  {
    name: "unused",
    fast: true,
    commands: [["node", "node_modules/knip/bin/knip.js", "--no-progress"]],
  },
  {
    name: "types",
    fast: true,
    commands: [
      [...tsc, "tsconfig.json"],
      [...tsc, "tsconfig.published.json"],
      // The oldest and the newest TypeScript that is promised.
      ["node", "node_modules/typescript58/bin/tsc", ...published],
      ["node", "node_modules/typescript7/bin/tsc", ...published],
      [...tsc, "tsconfig.core.json"],
      [deno, "check", "--quiet", ...entries],
    ],
  },
  { name: "doc-lint", commands: [[deno, "doc", "--lint", ...entries]] },
  {
    name: "doc-tests",
    commands: [
      [
        ...[deno, "test", "--doc", "--quiet", "--allow-net", "--allow-env"],
        ...withExamples,
      ],
    ],
  },
  // A check for each block of code in the pages; one that nothing runs fails.
  { name: "doc-blocks", run: checkDocs },
  {
    name: "docs-site",
    commands: [["node", "site/run.mjs", "--build"]],
    timeoutMs: 480_000, // half a minute by itself; beside other work much more
  },
  { name: "publish", commands: [script("check_publish")] },
  { name: "npm-shape", commands: [script("check_npm_shape")] },
  {
    name: "pack",
    commands: [script("check_pack")],
    timeoutMs: 480_000, // it installs with three package managers
  },
  { name: "size", commands: [script("size")] },
  {
    name: "bench",
    commands: [["node", "bench/run.mjs", "--smoke", "--json"]],
    timeoutMs: 480_000, // half a minute by itself; beside other work much more
  },
  { name: "core", fast: true, run: () => bunTest(core) },
  { name: "unit", run: () => bunTest(["tests"]) },
  more("model", { MESSAGES: "50000" }, "tests/redis/model_test"),
  more("frames", { FRAMES: "334000" }, "tests/hostile/mutants_test"),
  more("churn", { WAVES: "2000" }, "tests/hostile/churn_test"),
  more("rolling", { CLIENTS: "1000" }, "tests/rolling/"),
  more("pauses", { SLEEP_MS: "60000" }, "tests/hostile/pauses_test"),
];

/** The tests of a file with more of what they do, for before a release. */
function more(name, env, filter) {
  return { name, full: true, run: () => bunTest([filter], { env }) };
}

function filesIn(folder, ending) {
  return readdirSync(join(root, folder), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => relative(root, path))
    .sort();
}
