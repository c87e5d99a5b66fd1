/** Runs the suite for every pair: hosts stay, a client's process is new for each pair, two pairs at a time. */
import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { launchChromium } from "../browser/chromium.ts";
import { within } from "../helpers/wait.ts";
import {
  absence,
  bundles,
  type ClientPlace,
  clients,
  type ServerPlace,
  servers,
} from "./places.ts";
import type { Need, Outcome, RuntimeCase } from "./subject.ts";
import { missing, suite } from "./suite.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** How long a host may take to listen, and a pair to run, in milliseconds. */
const START_MS = 30_000;
const PAIR_MS = 90_000;
/** How many pairs run at once: as many as the machines that this is made for have cores. */
const AT_ONCE = 2;

/** One server and one client. */
export interface Pair {
  readonly server: ServerPlace;
  readonly client: ClientPlace;
  /** What is to run. */
  readonly cases: readonly RuntimeCase[];
}

/** All pairs that can run here. */
export const pairs: readonly Pair[] = servers.flatMap((server) =>
  clients
    .filter((client) => !absence(server) && !absence(client))
    .map((client) => {
      const can = new Set<Need>([...server.can, ...client.can]);
      const cases = suite.filter((it) => missing(it, can).length === 0);
      return { server, client, cases };
    })
);

/** What came of a pair, by the name of the case. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** Runs pairs, each once, from the moment that the first one is asked for. */
export class Matrix {
  readonly #pairs: readonly Pair[];
  readonly #hosts = new Map<ServerPlace, Promise<Host>>();
  readonly #outcomes = new Map<Pair, PromiseWithResolvers<Outcomes>>();
  readonly #children = new Set<ChildProcess>();
  #browser: Promise<Browser> | undefined;
  #started: Promise<void> | undefined;

  constructor(chosen: readonly Pair[] = pairs) {
    this.#pairs = chosen;
    for (const pair of chosen) {
      this.#outcomes.set(pair, Promise.withResolvers());
    }
  }

  /** What came of a pair, once it has run. */
  async of(pair: Pair): Promise<Outcomes> {
    await (this.#started ??= bundle());
    this.#run ??= this.#runAll();
    return await (this.#outcomes.get(pair)?.promise ?? new Map());
  }
  #run: Promise<void> | undefined;

  /** Ends what still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#browser)?.close();
    const ends = [...this.#children].map((child) => once(child, "close"));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
  }

  async #runAll(): Promise<void> {
    const waiting = [...this.#pairs];
    const worker = async () => {
      for (let pair = waiting.shift(); pair; pair = waiting.shift()) {
        const outcomes = await this.#runPair(pair);
        this.#outcomes.get(pair)?.resolve(outcomes);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Never rejects: what did not run is no outcome, and why is the outcome of all. */
  async #runPair({ server, client, cases }: Pair): Promise<Outcomes> {
    const outcomes = new Map<string, Outcome>();
    const take = (outcome: Outcome) => outcomes.set(outcome.name, outcome);
    let failure = "it was not run";
    try {
      const { port } = await this.#host(server);
      const origin = `http://127.0.0.1:${port}`;
      const names = cases.map(({ name }) => name);
      failure += await within(
        client.command
          ? this.#runProgram(client.command, origin, names, take)
          : this.#runPage(origin, names, take),
        PAIR_MS,
      );
    } catch (error) {
      failure += `: ${error}`;
    }
    for (const { name } of cases) {
      if (!outcomes.has(name)) take({ name, error: failure, ms: 0 });
    }
    return outcomes;
  }

  #host(server: ServerPlace): Promise<Host> {
    let host = this.#hosts.get(server);
    if (!host) this.#hosts.set(server, host = this.#startHost(server));
    return host;
  }

  async #startHost({ command }: ServerPlace): Promise<Host> {
    const { lines, ended } = this.#spawn(command);
    const port = new Promise<number>((resolve) =>
      lines((line) => {
        const found = /^port (\d+)$/.exec(line);
        if (found) resolve(Number(found[1]));
      })
    );
    const early = ended.then((output): never => {
      throw new Error(`the host ended: ${output}`);
    });
    early.catch(() => {}); // it ends with the matrix
    return { port: await within(Promise.race([port, early]), START_MS) };
  }

  /** Resolves to what it printed beside outcomes. */
  async #runProgram(
    command: readonly string[],
    origin: string,
    names: string[],
    take: (outcome: Outcome) => void,
  ): Promise<string> {
    const { lines, ended } = this.#spawn([
      ...command,
      origin,
      JSON.stringify(names),
    ]);
    lines((line) => line.startsWith('{"name"') && take(JSON.parse(line)));
    return await ended;
  }

  async #runPage(
    origin: string,
    names: string[],
    take: (outcome: Outcome) => void,
  ): Promise<string> {
    const browser = await (this.#browser ??= launchChromium());
    const page = await browser.newPage();
    try {
      await page.goto(`${origin}/`);
      await page.addScriptTag({ path: `${bundles}/client_page.js` });
      const outcomes = await page.evaluate(
        (names) =>
          (globalThis as unknown as {
            runInPage(names: string[]): Promise<Outcome[]>;
          }).runInPage(names),
        names,
      ); // the script made it
      for (const outcome of outcomes) take(outcome);
      return "";
    } finally {
      await page.close();
    }
  }

  #spawn(command: readonly string[]): Running {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    });
    this.#children.add(child);
    const output: string[] = [];
    child.stderr.on("data", (data) => output.push(String(data)));
    const listeners: ((line: string) => void)[] = [];
    createInterface(child.stdout).on("line", (line) => {
      if (!line.startsWith("{")) output.push(line);
      for (const listener of listeners) listener(line);
    });
    const ended = once(child, "close").catch((error) => [error]).then((how) => {
      this.#children.delete(child);
      return ` (${how.join()}) ${output.join("\n").slice(-2_000)}`;
    });
    return { lines: (listener) => void listeners.push(listener), ended };
  }
}

interface Host {
  readonly port: number;
}

interface Running {
  /** Listens to what it prints. */
  lines(listener: (line: string) => void): void;
  /** Resolves to what it printed. */
  readonly ended: Promise<string>;
}

/** Makes what Node and the browser need: Node 20 cannot read TypeScript. */
export async function bundle(): Promise<void> {
  mkdirSync(bundles, { recursive: true });
  const make = async (program: string, target: "node" | "browser") => {
    const { success, logs } = await Bun.build({
      entrypoints: [`${root}tests/runtimes/${program}.ts`],
      outdir: bundles,
      target,
      format: "esm",
    });
    if (!success) throw new AggregateError(logs, `Cannot bundle ${program}`);
  };
  await Promise.all([
    make("host_node", "node"),
    make("client_program", "node"),
    make("client_page", "browser"),
  ]);
}
