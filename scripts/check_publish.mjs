// A dry run of publishing to JSR: no slow types, and no file that users would
// not want.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { deno, root, run } from "./run.mjs";

const pages = ["README.md", "LICENSE", "CHANGELOG.md", "PROTOCOL.md"];

const allowed = (file) =>
  ["deno.json", "mod.ts", ...pages].includes(file) ||
  /^(src|adapters)\/.*\.ts$/.test(file) &&
    !/(_test|\.test|\.d)\.ts$/.test(file);

const { ok, output } = await run(deno, [
  "publish",
  "--dry-run",
  "--allow-dirty",
]);
if (!ok) {
  console.error(output);
  process.exit(1);
}
const files = [...output.matchAll(/^\s+(file:\S+) \([\d.]+\w+\)$/gm)]
  .map(([, url]) => relative(root, fileURLToPath(url)).replaceAll("\\", "/"));

const { exports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
const needed = ["README.md", "LICENSE", ...Object.values(exports)]
  .map((file) => file.replace(/^\.\//, ""));

const problems = [
  ...files.filter((file) => !allowed(file))
    .map((file) => `${file} would be published, must not be`),
  ...needed.filter((file) => !files.includes(file))
    .map((file) => `${file} would not be published, must be`),
];
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
