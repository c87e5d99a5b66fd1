// What `npm test` runs, in this order. A step has commands, of which each must
// succeed, and counts as one check; a step that counts by itself has `run`.
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
const script = (name) => [bun, `scripts/${name}.mjs`];

/** @type {{ name: string, commands?: string[][], timeoutMs?: number, run?: () => Promise<object> }[]} */
export const steps = [
  { name: "format", commands: [[deno, "fmt", "--check"]] },
  { name: "lint", commands: [[deno, "lint"]] },
  { name: "manifests", commands: [script("check_manifests")] },
  { name: "arrows", commands: [script("check_arrows")] },
  {
    name: "types",
    commands: [
      [...tsc, "tsconfig.json"],
      [...tsc, "tsconfig.published.json"],
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
  { name: "size", commands: [script("size")] },
  {
    name: "bench",
    commands: [["node", "bench/run.mjs", "--smoke", "--json"]],
    timeoutMs: 480_000, // half a minute by itself; beside other work much more
  },
  { name: "unit", run: () => bunTest("tests") },
];

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
