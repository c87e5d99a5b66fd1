// The adapter suite on a local Upstash, several cases at a time: each has a server of its own, so that its outage is
// nobody else's. Most of a case is waiting.
import type { UpstashAdapterOptions } from "../../adapters/upstash.ts";
import type { AdapterCase } from "../../src/testing/mod.ts";
import { upstashSuite } from "./upstash_suite.ts";
import {
  createUpstashServer,
  type UpstashServer,
  type UpstashTroubles,
} from "../../src/testing/upstash/mod.ts";
import { createUpstashSubject } from "./upstash_subject.ts";

/** What the cases run on. */
export interface Stand {
  readonly redis: string;
  readonly replica?: string;
  readonly troubles?: (it: AdapterCase) => UpstashTroubles;
  /** The adapter's options beside those that tests have. */
  readonly options?: (server: UpstashServer) => UpstashAdapterOptions;
}

/** Runs one case on a server of its own. */
export async function runCase(it: AdapterCase, stand: Stand): Promise<void> {
  const { redis, replica } = stand;
  const server = await createUpstashServer({
    redis,
    ...(replica !== undefined && { replica }),
  });
  server.trouble(stand.troubles?.(it) ?? {});
  const options = stand.options?.(server);
  try {
    await it.run(createUpstashSubject(server, options));
  } finally {
    await server.close();
  }
}

/** Lets a few run at a time. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async run(act: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await act();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** How many cases run at a time. */
export const PLACES = 6;

/** Runs all cases, and says which failed. */
export async function runSuite(stand: Stand): Promise<string[]> {
  const gate = new Gate(PLACES);
  const failed: string[] = [];
  await Promise.all(
    upstashSuite.map((it) =>
      gate.run(() =>
        runCase(it, stand).catch((error) => {
          failed.push(`${it.promise} ${it.name}: ${error}`);
        })
      )
    ),
  );
  return failed;
}
