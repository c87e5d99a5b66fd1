// examples/scaling as a child process: the program that users start.
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { within } from "../helpers/wait.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Program {
  /** What it printed so far, on both channels. */
  output(): string;
  /** Resolves to its status once it ends by itself. */
  ended(): Promise<number | null>;
  /** Resolves to the match once it is printed; rejects when it ends without. */
  prints(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Ends it; resolves to its status, `null` when it would not. */
  end(): Promise<number | null>;
}

/** Starts `main.ts`; an environment of `undefined` takes a variable away. */
export function startScaling(
  args: readonly string[],
  env: Record<string, string | undefined>,
): Program {
  const child = spawn(
    process.execPath,
    ["examples/scaling/main.ts", ...args],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  let look = () => {};
  const take = (data: Uint8Array) => {
    output += data;
    look();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const ended = once(child, "close")
    .then(([code]) => code as number | null); // Node's documentation of "close"
  return {
    output: () => output,
    ended: () => within(ended, 40_000),
    prints: (pattern) => {
      const printed = new Promise<RegExpMatchArray>((resolve, reject) => {
        look = () => {
          const match = output.match(pattern);
          if (match) resolve(match);
        };
        look();
        ended.then((code) => reject(new Error(`It ended, ${code}: ${output}`)));
      });
      return within(printed, 30_000);
    },
    end: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      const status = await ended;
      clearTimeout(late);
      return status;
    },
  };
}
