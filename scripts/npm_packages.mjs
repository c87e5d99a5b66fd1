// Brings node_modules to what package.json pins, with the package manager that
// started us: npm, Bun or Deno.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { bun, deno, root, run, which } from "./run.mjs";

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Installs when a package is missing or not of the pinned version. */
export async function ensureNpmPackages() {
  if (!upToDate()) await install();
  await ensureBinary(bun, "install.js");
  await ensureBinary(deno, "install.cjs");
}

function upToDate() {
  const { devDependencies, optionalDependencies } = readJson(
    join(root, "package.json"),
  );
  // The optional ones are other Nodes to test on, and made for Linux on x64.
  const wanted = process.platform === "linux" && process.arch === "x64"
    ? { ...devDependencies, ...optionalDependencies }
    : devDependencies;
  return Object.entries(wanted).every(([name, range]) => {
    const version = range.replace(/^npm:.*@/, "");
    const manifest = join(root, "node_modules", name, "package.json");
    return existsSync(manifest) && readJson(manifest).version === version;
  });
}

async function install() {
  const [name, command, ...args] = packageManager();
  console.log(`installing npm packages with ${name}`);
  const { ok, output } = await run(command, args, { timeoutMs: 600_000 });
  if (!ok) {
    console.error(output);
    throw new Error(`Cannot install npm packages: ${name} failed, see above`);
  }
}

function packageManager() {
  // Set by `npm run` and `bun run` to the one that is running.
  const path = process.env.npm_execpath ?? "";
  const frozen = ["install", "--frozen-lockfile"];
  const isScript = /\.[cm]?js$/.test(path);
  if (process.versions.bun) return ["Bun", process.execPath, ...frozen];
  if (basename(path).startsWith("bun")) return ["Bun", path, ...frozen];
  if (basename(path).startsWith("npm") && isScript) {
    return ["npm", process.execPath, path, "install"];
  }
  const npm = which("npm");
  if (npm) return ["npm", npm, "install"];
  const otherBun = which("bun");
  if (otherBun) return ["Bun", otherBun, ...frozen];
  if (process.versions.deno) return ["Deno", process.execPath, "install"];
  throw new Error("Cannot install npm packages: found neither npm nor Bun");
}

/**
 * Both packages put their program in place by an install script, and package
 * managers may be set to run none.
 */
async function ensureBinary(path, script) {
  if ((await run(path, ["--version"])).ok) return;
  const folder = path === bun ? "bun" : "deno";
  const file = join(root, "node_modules", folder, script);
  const args = process.versions.deno ? ["run", "-A", file] : [file];
  const { output } = await run(process.execPath, args);
  if ((await run(path, ["--version"])).ok) return;
  console.error(output);
  throw new Error(`Cannot run ${folder}: delete node_modules and try again`);
}
