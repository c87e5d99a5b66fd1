/** Starts a program that prints its port, and ends it. */
import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { within } from "../helpers/wait.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Running extends AsyncDisposable {
  /** Where it listens, from `port <number>` in a line that it prints, or from an address. */
  readonly port: Promise<number>;
  /** Resolves to what it printed, with its exit code, when it has ended. */
  readonly ended: Promise<string>;
  readonly child: ChildProcess;
  /** Listens to the lines of its output. */
  lines(listener: (line: string) => void): void;
}

/** How long a program may take to listen, in milliseconds. */
const START_MS = 30_000;

/** Starts a program; disposing ends its input, and kills it where that is not enough. */
export function start(command: readonly string[]): Running {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const listeners: ((line: string) => void)[] = [];
  const output: string[] = [];
  const take = (line: string) => {
    if (!line.startsWith("{")) output.push(line);
    for (const listener of listeners) listener(line);
  };
  createInterface(child.stdout).on("line", take);
  createInterface(child.stderr).on("line", take);
  const ended = once(child, "close").catch((error) => [error]).then((how) =>
    `(${how.join()}) ${output.join("\n").slice(-2_000)}`
  );
  const listening = new Promise<number>((resolve) =>
    listeners.push((line) => {
      const found = /^port (\d+)$|http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/
        .exec(line);
      if (found) resolve(Number(found[1] ?? found[2]));
    })
  );
  const early = ended.then((how): never => {
    throw new Error(`${program} ended: ${how}`);
  });
  const port = within(Promise.race([listening, early]), START_MS);
  port.catch(() => {}); // who does not ask does not wait for it
  return {
    port,
    ended,
    child,
    lines: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      child.stdin.end(); // a host ends then, with what it has started itself
      const killed = setTimeout(() => child.kill("SIGKILL"), 3_000);
      await ended;
      clearTimeout(killed);
    },
  };
}
