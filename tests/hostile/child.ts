/** Starts the hostile clients' server and asks it how it fares. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Stats } from "../../mod.ts";
import { join } from "../helpers/tcp_socket.ts";
import { within } from "../helpers/wait.ts";
import { bundleWorker, startWorker } from "../cloudflare/workerd.ts";
import { commandOn, type Runtime, runtimes } from "../runtimes/command.ts";
import type { Heap, Tally } from "./server.ts";

/** Where it runs: in a process of a runtime, or as an object in workerd. */
export type Place = Runtime | "Durable Object";
export const places: readonly Place[] = [...runtimes, "Durable Object"];

type Told = Tally & { readonly stats: Stats };

export interface Server extends AsyncDisposable {
  readonly port: number;
  tally(): Promise<Told>;
  /** What its process holds after a forced collection, where it has one of its own. */
  heap?(): Promise<Heap>;
  /** How many descriptors its process holds, its own files included; on Linux. */
  descriptors(): number;
  /** Fails unless it lives, serves the next client, saw nothing it should not have, and holds nothing. */
  expectWell(): Promise<Told>;
}

/** One in a process of its own. */
export interface Child extends Server {
  heap(): Promise<Heap>;
  /** Holds its event loop up for 5 s. */
  pause(): Promise<void>;
}

const program = `${import.meta.dir}/server_program.ts`;

export async function startServer(
  place: Place,
  env?: Record<string, string>,
): Promise<Server> {
  return await (place === "Durable Object"
    ? startObject(env)
    : startChild(place, env));
}

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
  return {
    ...server(port, () => expect(child.exitCode).toBe(null)),
    heap: async () => await ask("heap") as Heap,
    descriptors: () => descriptorsOf(child.pid),
    pause: async () => void await ask("pause"),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

async function startObject(env: Record<string, string> = {}): Promise<Server> {
  const script = await bundleWorker("tests/hostile/server_worker.ts");
  const others = workerds();
  const worker = await startWorker(script, { HOSTILE: "Hostile" }, {
    bindings: env,
    // It is told of what hooks throw, as a process' stderr is, which nobody reads.
    handleRuntimeStdio: (out: Readable, err: Readable) => {
      out.resume();
      err.resume();
    },
  });
  const pid = workerds().find((it) => !others.includes(it)) ?? 0;
  return {
    // An object that had been ended would be another one now.
    ...server(
      Number(new URL(worker.origin).port),
      (told) => expect(told).toMatchObject({ life: 1 }),
    ),
    descriptors: () => descriptorsOf(pid),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

function server(
  port: number,
  expectAlive: (told: Told) => void,
): Omit<Server, typeof Symbol.asyncDispose | "descriptors"> {
  const tally = async () =>
    await (await fetch(`http://127.0.0.1:${port}/tally`)).json() as Told;
  return {
    port,
    tally,
    async expectWell() {
      const next = await join(port);
      next.say(["req", 1, "echo", { text: "well" }]);
      expect((await next.next("res", 1))[2]).toEqual({ text: "well" });
      next.destroy();
      let last = await tally();
      for (let tries = 0; tries < 2_000 && held(last).length > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        last = await tally();
      }
      expectAlive(last);
      expect(held(last)).toEqual([]);
      expect(last.escaped).toEqual([]);
      expect(last.tainted).toEqual([]);
      return last;
    },
  };
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The processes of workerd that are below this one: miniflare does not tell their ids. */
function workerds(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [, rest = ""] = readFileSync(`/proc/${name}/stat`, "utf8")
        .split(") ");
      parents.set(Number(name), Number(rest.split(" ")[1]));
    } catch {
      // it ended meanwhile
    }
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent === process.pid || parent !== undefined && isBelow(parent);
  };
  return [...parents.keys()].filter((pid) =>
    isBelow(pid) &&
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd")
  );
}

function held({ stats }: { stats: Stats }): [string, number][] {
  return Object.entries(stats.sizes).filter(([, size]) => size !== 0);
}
