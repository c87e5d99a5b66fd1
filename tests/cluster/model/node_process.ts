/** Starts nodes of the cluster suite as processes, and speaks with them. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Running, start } from "../../runtimes/host.ts";
import { denoProgram, nodePath } from "../../runtimes/places.ts";
import type { Order, Told } from "./node_program.ts";

/** Where a node runs. */
export type Runtime = "Bun" | "Deno" | "Node";

/** One node of a cluster. */
export interface NodePlan {
  readonly runtime: Runtime;
  /** The path or address of a module that exports `createAdapter(options)`. */
  readonly adapter: string;
  /** What `createAdapter` is called with; JSON. */
  readonly options: unknown;
  /** The folder of this library, when it is another than this one. */
  readonly root?: string;
}

const own = fileURLToPath(new URL("../../..", import.meta.url));

/** A node in another process. */
export class NodeProcess implements AsyncDisposable {
  readonly port: number;
  readonly #running: Running;

  private constructor(running: Running, port: number) {
    this.#running = running;
    this.port = port;
  }

  static async start(
    plan: NodePlan,
    hear: (told: Told) => void,
  ): Promise<NodeProcess> {
    const running = start([
      ...await command(plan),
      JSON.stringify(plan.options),
    ]);
    running.lines((line) => line.startsWith("{") && hear(JSON.parse(line)));
    const port = await running.port.catch(async (error) => {
      await running[Symbol.asyncDispose]();
      throw error;
    });
    return new NodeProcess(running, port);
  }

  /** Says what it is to do. */
  tell(...orders: Order[]): void {
    const lines = orders.map((order) => `${JSON.stringify(order)}\n`);
    this.#running.child.stdin?.write(lines.join(""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

async function command({ runtime, adapter, root = own }: NodePlan) {
  const program = `${root}/tests/cluster/model/host_${runtime.toLowerCase()}`;
  if (runtime === "Bun") return [process.execPath, `${program}.ts`, adapter];
  if (runtime === "Deno") {
    return [...denoProgram("run"), "--no-check", `${program}.ts`, adapter];
  }
  const bundle = async (file: string) => {
    const outdir = `${root}/node_modules/.cache/super-line-cluster`;
    await mkdir(outdir, { recursive: true });
    const { success, logs, outputs: [made] } = await Bun.build({
      entrypoints: [file],
      outdir,
      target: "node",
      format: "esm",
      naming: `[name]-${Bun.hash(file)}.mjs`,
    });
    if (!success) throw new AggregateError(logs, `Cannot bundle ${file}`);
    return made?.path ?? "";
  };
  return [nodePath("20"), await bundle(`${program}.ts`), await bundle(adapter)];
}
