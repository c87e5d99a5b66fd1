/** Starts server_program.ts and asks it how it fares. */
import { expect } from "bun:test";
import type { Stats } from "../../mod.ts";
import { join } from "../helpers/tcp_socket.ts";
import { within } from "../helpers/wait.ts";
import { commandOn, type Runtime } from "../runtimes/command.ts";
import type { Heap, Tally } from "./server_program.ts";

export interface Child extends AsyncDisposable {
  readonly port: number;
  tally(): Promise<Tally & { stats: Stats }>;
  /** What it holds after a forced collection. */
  heap(): Promise<Heap>;
  /** Holds its event loop up for 5 s. */
  pause(): Promise<void>;
  /** Fails unless the process lives, serves the next client, saw nothing it should not have, and holds nothing. */
  expectWell(): Promise<Tally & { stats: Stats }>;
}

const program = `${import.meta.dir}/server_program.ts`;

export async function startChild(
  runtime: Runtime,
  env: Record<string, string> = {},
): Promise<Child> {
  const child = Bun.spawn(await commandOn(runtime, program), {
    stdin: "pipe", // it ends with it, whatever becomes of this process
    stdout: "pipe",
    stderr: "ignore",
    env: { ...process.env, ...env },
  });
  const { value } = await within(child.stdout.getReader().read(), 30_000);
  const port = Number(new TextDecoder().decode(value));
  const ask = async (path: string) =>
    await (await fetch(`http://127.0.0.1:${port}/${path}`)).json();
  const tally = async () => await ask("tally") as Tally & { stats: Stats };
  return {
    port,
    tally,
    heap: async () => await ask("heap") as Heap,
    pause: async () => void await ask("pause"),
    async expectWell() {
      expect(child.exitCode).toBe(null);
      const next = await join(port);
      next.say(["req", 1, "echo", { text: "well" }]);
      expect((await next.next("res", 1))[2]).toEqual({ text: "well" });
      next.destroy();
      let last = await tally();
      for (let tries = 0; tries < 400 && held(last).length > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        last = await tally();
      }
      expect(held(last)).toEqual([]);
      expect(last.escaped).toEqual([]);
      expect(last.tainted).toEqual([]);
      return last;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

function held({ stats }: { stats: Stats }): [string, number][] {
  return Object.entries(stats.sizes).filter(([, size]) => size !== 0);
}
