// Starts server.ts on a runtime, and asks it what it holds.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Look } from "./server.ts";

export type Runtime = "bun" | "deno" | "node";

export interface Child {
  readonly port: number;
  look(): Promise<Look>;
  end(): Promise<void>;
}

const root = `${import.meta.dir}/../..`;
const bun = process.execPath;
const deno = `${root}/node_modules/deno/deno`;
const program = `${import.meta.dir}/server.ts`;

export async function startServer(
  runtime: Runtime,
  env: Record<string, string> = {},
): Promise<Child> {
  const folder = mkdtempSync(join(root, "bench-")); // inside, so that the bundle finds the packages
  const bundle = join(folder, "server.mjs");
  if (runtime === "node") {
    Bun.spawnSync([
      bun,
      "build",
      "--target=node",
      `--outfile=${bundle}`,
      program,
    ]);
  }
  const command = {
    bun: [bun, program],
    deno: [deno, "run", "-A", "--quiet", "--v8-flags=--expose-gc", program],
    node: ["node", "--expose-gc", bundle],
  }[runtime];
  const child = Bun.spawn(command, {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, ...env },
  });
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  rmSync(folder, { recursive: true });
  return {
    port,
    look: async () =>
      await (await fetch(`http://127.0.0.1:${port}/look`)).json() as Look,
    async end() {
      child.kill();
      await child.exited;
    },
  };
}
