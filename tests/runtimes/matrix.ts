/** Runs the suite for every pair: hosts stay, a client's process is new for each pair, some pairs at a time. */
import type { Browser } from "playwright-core";
import { launchChromium } from "../browser/chromium.ts";
import { within } from "../helpers/wait.ts";
import {
  absence,
  bundle,
  bundles,
  type ClientPlace,
  clients,
  type ServerPlace,
  servers,
} from "./places.ts";
import { type Running, start } from "./host.ts";
import type { Need, Outcome, RuntimeCase } from "./subject.ts";
import { missing, suite } from "./suite.ts";

/** How long a pair may take, in milliseconds. */
const PAIR_MS = 90_000;
/** How many pairs run at once: a pair mostly waits. */
const AT_ONCE = 3;

/** One server and one client. */
export interface Pair {
  readonly server: ServerPlace;
  readonly client: ClientPlace;
  /** What is to run. */
  readonly cases: readonly RuntimeCase[];
}

/**
 * Whether a pair is in the matrix. Servers on the newer Nodes differ from the one on Node 20 in their own runtime only:
 * they run with themselves and with Bun, so that the matrix fits into a test run. For the same reason Cloudflare runs
 * without clients on these, and its oldest compatibility date with Bun alone.
 */
export function isPaired(server: ServerPlace, client: ClientPlace): boolean {
  if (client.transport) {
    return /^(Bun|Deno|Node 20|Cloudflare)( \+|$)/.test(server.name);
  }
  if (server.name === "Cloudflare, oldest") return client.name === "Bun";
  if (/^Cloudflare/.test(server.name)) return !/^Node 2[24]/.test(client.name);
  const newer = /^Node 2[24]/.exec(server.name)?.[0];
  return newer === undefined || [newer, "Bun"].includes(client.name);
}

/** All pairs that can run here. */
export const pairs: readonly Pair[] = servers.flatMap((server) =>
  clients
    .filter((client) => isPaired(server, client))
    .filter((client) => !absence(server) && !absence(client))
    .map((client) => {
      const can = new Set<Need>([...server.can, ...client.can]);
      const cases = suite.filter((it) => missing(it, can).length === 0);
      return { server, client, cases };
    })
);

/** The servers of each test file: the files run beside each other, and the longest of them is as long as the run. */
export const parts = {
  bun: /^Bun\b/,
  deno: /^Deno\b/,
  node_20: /^Node 20\b/,
  newer_nodes: /^Node 2[24]\b/,
  cloudflare: /^Cloudflare\b/,
} as const;

/** What came of a pair, by the name of the case. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** Runs pairs, each once, from the moment that the first one is asked for. */
export class Matrix {
  readonly #pairs: readonly Pair[];
  readonly #hosts = new Map<ServerPlace, Running>();
  readonly #outcomes = new Map<Pair, PromiseWithResolvers<Outcomes>>();
  readonly #running: Running[] = [];
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
    this.#started ??= this.#runAll();
    await Promise.race([this.#started, this.#outcomes.get(pair)?.promise]); // bundles may fail
    return await (this.#outcomes.get(pair)?.promise ?? new Map());
  }

  /** Ends what still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#browser)?.close();
    await Promise.all(this.#running.map((it) => it[Symbol.asyncDispose]()));
  }

  async #runAll(): Promise<void> {
    await bundle("host_node", "node");
    await bundle("client_program", "node");
    await bundle("client_page", "browser");
    const waiting = [...this.#pairs];
    const worker = async () => {
      for (let pair = waiting.shift(); pair; pair = waiting.shift()) {
        const outcomes = await this.#runPair(pair);
        this.#outcomes.get(pair)?.resolve(outcomes);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Rejects never: what did not run is no outcome, and why is the outcome of all. */
  async #runPair({ server, client, cases }: Pair): Promise<Outcomes> {
    const outcomes = new Map<string, Outcome>();
    const take = (outcome: Outcome) => outcomes.set(outcome.name, outcome);
    let failure = "it was not run";
    try {
      const origin = `http://127.0.0.1:${await this.#port(server)}`;
      const names = cases.map(({ name }) => name);
      failure += await within(
        client.command
          ? this.#runProgram(
            client.command,
            origin,
            names,
            client.transport ?? "",
            take,
          )
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

  #port(server: ServerPlace): Promise<number> {
    let host = this.#hosts.get(server);
    if (!host) this.#hosts.set(server, host = this.#start(server.command));
    return host.port;
  }

  /** Resolves to what it printed beside outcomes. */
  async #runProgram(
    command: readonly string[],
    origin: string,
    names: string[],
    transport: string,
    take: (outcome: Outcome) => void,
  ): Promise<string> {
    const { lines, ended } = this.#start([
      ...command,
      origin,
      JSON.stringify(names),
      transport,
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

  #start(command: readonly string[]): Running {
    const running = start(command);
    this.#running.push(running);
    return running;
  }
}
