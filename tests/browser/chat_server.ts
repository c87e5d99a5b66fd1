// The chat of examples/chat as a child process: the program that users start.
import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { within } from "./within.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set<ChildProcess>();

/** A server that listens. */
export interface ChatServer {
  readonly port: number;
  readonly url: string;
  /** Sends a signal; resolves to the exit code, `null` after SIGKILL. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts the chat; on a free port when none is given. */
export async function startChat(
  port = 0,
  env: Record<string, string> = {},
): Promise<ChatServer> {
  const { child, output, ended } = spawnChat("server.ts", {
    PORT: String(port),
    ...env,
  });
  const listening = new Promise<number>((resolve) => {
    child.stdout?.on("data", () => {
      const found = output().match(/^listening on http:\/\/localhost:(\d+)$/m);
      if (found) resolve(Number(found[1]));
    });
  });
  const early = ended.then((code) => {
    throw new Error(`the chat ended with ${code}: ${output()}`);
  });
  early.catch(() => {});
  const taken = await within(20_000, "listening", [listening, early]);
  return {
    port: taken,
    url: `http://localhost:${taken}`,
    stop: async (signal) => {
      child.kill(signal);
      return await within(15_000, `end by ${signal}`, [ended]);
    },
  };
}

/** Starts the chat where it cannot run; resolves to what it says and its code. */
export async function failChat(port: number) {
  const { output, ended } = spawnChat("server.ts", { PORT: String(port) });
  return { code: await within(20_000, "end", [ended]), output: output() };
}

/** Kills what is still running. */
export function killChats() {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts the agent on its own, for the server at `port`. */
export function startAgent(port: number, token: string) {
  const { ended } = spawnChat("agent.ts", {
    PORT: String(port),
    AGENT_TOKEN: token,
  });
  return { ended };
}

function spawnChat(program: string, env: Record<string, string>) {
  const { AGENT_TOKEN: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [`examples/chat/${program}`], {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  child.stdout.on("data", (data) => output += data);
  child.stderr.on("data", (data) => output += data);
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return code as number | null; // Node's documentation of "close"
  });
  return { child, output: () => output, ended };
}
