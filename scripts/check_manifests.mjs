// What has to be the same in two places is, and no file of the repository names
// a package registry's host or a path of someone's machine.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./run.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");
const npm = JSON.parse(read("package.json"));
const jsr = JSON.parse(read("deno.json"));
const problems = [];

for (const key of ["name", "version", "license", "exports"]) {
  if (JSON.stringify(npm[key]) !== JSON.stringify(jsr[key])) {
    problems.push(`package.json and deno.json differ in "${key}"`);
  }
}
for (const file of Object.values(jsr.exports)) {
  if (!existsSync(join(root, file))) problems.push(`${file}: no such file`);
}

// npm writes no lock file, so what is not exact here would differ by the day.
const lock = read("bun.lock");
const pinned = { ...npm.devDependencies, ...npm.optionalDependencies };
for (const [name, version] of Object.entries(pinned)) {
  if (!/^(npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version)) {
    problems.push(`package.json: ${name} ${version} must be an exact version`);
  }
  if (!lock.includes(`"${name}": "${version}"`)) {
    problems.push(`bun.lock lacks ${name} ${version}: run bun install`);
  }
}
if (lock.includes("://")) {
  problems.push("bun.lock records download addresses");
}

// The bench's peers and what makes the site are packages of their own.
for (const folder of ["bench", "site"]) {
  const { dependencies } = JSON.parse(read(`${folder}/package.json`));
  const itsLock = read(`${folder}/bun.lock`);
  for (const [name, version] of Object.entries(dependencies)) {
    if (!itsLock.includes(`"${name}": "${version}"`)) {
      problems.push(
        `${folder}/bun.lock lacks ${name} ${version}: run bun install`,
      );
    }
    const ours = pinned[name];
    if (ours && ours !== version) {
      problems.push(
        `${folder}/package.json: ${name} ${version} must be ${ours}`,
      );
    }
  }
  if (itsLock.includes("://")) {
    problems.push(`${folder}/bun.lock records download addresses`);
  }
}

const forbidden = [
  [
    /\bregistry\.[\w-]+\.(com|org|net|io|dev)\b/i,
    "the host of a package registry",
  ],
  [/(?<![\w.:/-])\/(work|root|home\/\w+|Users\/\w+)\/\w/, "a machine's path"],
];
const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
const tracked = existsSync(join(root, ".git")) // not in a downloaded archive
  ? String(execFileSync("git", list, { cwd: root })).split("\0")
  : [];
const files = tracked.filter((file) => file && existsSync(join(root, file)));
for (const file of files) {
  const text = read(file);
  if (text.includes("\0")) continue;
  for (const [pattern, what] of forbidden) {
    const found = text.match(pattern);
    if (found) problems.push(`${file} names ${what}: ${found[0]}`);
  }
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
