// Nodes as processes of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("node.ts", import.meta.url));

export interface RunningNode {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** Lets it say goodbye to its clients. */
  stop(): Promise<void>;
}

/** Starts a node on a free port; resolves when it listens. */
export async function startNode(
  name: string,
  env: Record<string, string>,
): Promise<RunningNode> {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ...env, NODE: name, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // Ctrl-C is for this program, which stops them in order
  });
  process.once("exit", () => child.kill("SIGKILL")); // whatever happens here
  const ended = once(child, "exit");
  const port = new Promise<number>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
      const found = said.match(/listens on port (\d+)\n/);
      if (found) resolve(Number(found[1]));
    });
    const failed = () => reject(new Error(`Node ${name} did not start`));
    ended.then(failed, failed);
  });
  return {
    name,
    port: await port,
    pid: child.pid ?? 0, // it listens, so it has one
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
