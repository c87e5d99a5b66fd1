/** How a program of the tests is started on each runtime that has processes. */
import { basename, dirname } from "node:path";
import { bundles, denoPath, nodePath } from "./places.ts";

export const runtimes = ["Bun", "Deno", "Node"] as const;
export type Runtime = (typeof runtimes)[number];

/** The command that runs it, with its heap's collector in reach; bundled first for Node 20, which reads no TypeScript. */
export async function commandOn(
  runtime: Runtime,
  program: string,
): Promise<string[]> {
  if (runtime === "Bun") return [process.execPath, program];
  if (runtime === "Deno") {
    const flags = ["--allow-all", "--no-check", "--v8-flags=--expose-gc"];
    return [denoPath, "run", ...flags, program];
  }
  // Programs of two folders may have one name, and be bundled at once.
  const name = `${basename(dirname(program))}_${basename(program, ".ts")}.js`;
  const { success, logs } = await Bun.build({
    entrypoints: [program],
    outdir: bundles,
    target: "node",
    naming: name,
  });
  if (!success) throw new AggregateError(logs, `Cannot bundle ${program}`);
  return [nodePath("20"), "--expose-gc", `${bundles}/${name}`];
}
