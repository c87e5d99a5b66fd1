/** Runs an adapter's suite_program.ts on Deno and Node, where there is no test runner of ours. */
import { expect, test } from "bun:test";
import { adapterSuite } from "../../src/testing/mod.ts";
import { commandOn } from "../runtimes/command.ts";

export interface SuiteProgram {
  /** The program's path: prints `{ cases, failed }`, then nothing may keep its process. */
  readonly program: string;
  /** After how long a program that closed its adapter must be over, in milliseconds. */
  readonly exitMs: number;
  /** How many cases it runs; all when left out. */
  readonly cases?: number;
}

/** Registers a test for each runtime. */
export function suiteOnRuntimes(
  { program, exitMs, cases = adapterSuite.length }: SuiteProgram,
): void {
  test.concurrent.each(["Deno", "Node"] as const)(
    "the suite runs on %s, and its program ends",
    async (runtime) => {
      const child = Bun.spawn(await commandOn(runtime, program), {
        stdout: "pipe",
        stderr: "inherit",
      });
      let output = "";
      let timer: ReturnType<typeof setTimeout> | undefined;
      for await (const chunk of child.stdout) {
        output += new TextDecoder().decode(chunk);
        timer ??= setTimeout(() => child.kill("SIGKILL"), exitMs);
      }
      expect(await child.exited).toBe(0);
      clearTimeout(timer);
      expect(JSON.parse(output)).toEqual({
        cases,
        failed: [],
      });
    },
    120_000,
  );
}
