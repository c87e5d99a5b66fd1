// Where and with what a run was made.
import { spawnSync } from "node:child_process";
import os from "node:os";
import process from "node:process";
import { bun, deno, which } from "../../scripts/run.mjs";
import { peerVersions } from "./install.mjs";

/** Machine, runtimes and packages. */
export function describe() {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      system: `${os.type()} ${os.release()} ${os.arch()}`,
      cpu: os.cpus()[0]?.model ?? "unknown",
      cores: os.cpus().length,
      memoryGiB: Math.round(os.totalmem() / 2 ** 30),
      loadBefore: os.loadavg().map((load) => Number(load.toFixed(1))),
    },
    runtimes: {
      bun: versionOf(bun),
      deno: versionOf(deno),
      node: process.version,
      redis: versionOf(process.env.REDIS_SERVER_PATH ?? which("redis-server")),
    },
    packages: peerVersions(),
  };
}

function versionOf(program) {
  if (!program) return "missing";
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return /\d+\.\d+\.\d+/.exec(stdout ?? "")?.[0] ?? "missing";
}
