/** The program that every server under measure runs in: `main.ts <target> <mode> <job> <options>`. */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Serve } from "../targets/target.ts";
import { type Job, jobs } from "./jobs.ts";

const targets: Record<string, () => Promise<{ serve: unknown }>> = {
  bun: () => import("../targets/bun.ts"),
  deno: () => import("../targets/deno.ts"),
  node: () => import("../targets/node.ts"),
  ours: () => import("../targets/ours.ts"),
  socketio: () => import("../targets/socketio.mjs"),
  crossws: () => import("../targets/crossws.mjs"),
  elysia: () => import("../targets/elysia.mjs"),
  trpc: () => import("../targets/trpc.mjs"),
  orpc: () => import("../targets/orpc.mjs"),
};

const [name = "", mode = "", jobName = "", options = "{}"] = process.argv.slice(
  2,
);
const { serve } = await targets[name]!() as { serve: Serve }; // the driver passes names that are there
const job: Job = jobs[jobName]!(JSON.parse(options));
const target = await serve(mode, job.opened as (conn: never) => void);
const commands: Record<string, () => unknown> = {
  cpu: () => ({ cpu: cpu() }),
  rss: () => ({ rss: resident() }),
  go: () => job.run?.(target as never, cpu),
};

print({ port: target.port });
for await (const line of createInterface({ input: process.stdin })) {
  print(await commands[line]!());
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** CPU time so far, in µs. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** What stays in memory, in bytes. */
function resident(): number {
  const { Bun, gc } = globalThis as {
    Bun?: { gc(force: boolean): void };
    gc?: () => void;
  };
  for (let i = 0; i < 3; i++) Bun ? Bun.gc(true) : gc?.();
  return process.memoryUsage().rss;
}
