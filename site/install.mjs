// Brings site/node_modules to what its package.json pins: nothing of it is among the library's own packages.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bun } from "../scripts/run.mjs";

/** @throws {Error} When they cannot be had */
export function ensurePackages(folder) {
  const manifest = (path) =>
    JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8"));
  const wanted = Object.entries(manifest("").dependencies);
  const complete = wanted.every(([name, version]) =>
    existsSync(join(folder, "node_modules", name)) &&
    manifest(join("node_modules", name)).version === version
  );
  if (complete) return;
  console.error(`installing ${wanted.length} packages into site/`);
  const { status, stderr } = spawnSync(
    bun,
    ["install", "--frozen-lockfile", "--ignore-scripts"],
    { cwd: folder, timeout: 300_000 },
  );
  if (status !== 0) throw new Error(`Cannot install site/: ${stderr}`);
}
