// Brings this package's node_modules to what its package.json pins. The library's own never has a peer in it.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { here } from "./programs.mjs";

/** Installs what is missing; where that cannot be done, the peers are listed as missing. */
export function ensurePeers() {
  const absent = Object.entries(pinned()).filter(([name, version]) =>
    installed(name) !== version
  );
  if (absent.length === 0) return;
  console.error(`installing ${absent.length} packages into bench/`);
  const { status, stderr } = spawnSync(
    bun,
    ["install", "--frozen-lockfile", "--ignore-scripts"],
    { cwd: here, timeout: 120_000 },
  );
  if (status !== 0) console.error(`cannot install: ${stderr}`);
}

/** The versions of what is compared. */
export function peerVersions() {
  return Object.fromEntries(
    Object.keys(pinned()).map((name) => [name, installed(name) ?? "missing"]),
  );
}

function pinned() {
  return JSON.parse(readFileSync(join(here, "package.json"), "utf8"))
    .dependencies;
}

function installed(name) {
  const manifest = join(here, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return undefined;
  return JSON.parse(readFileSync(manifest, "utf8")).version.replace(/^v/, "");
}
