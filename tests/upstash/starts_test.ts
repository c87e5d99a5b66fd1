import { expect, test } from "bun:test";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import {
  upstashFaults,
  type UpstashTroubles,
} from "../../src/testing/upstash/mod.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { count } from "./open.ts";
import { play } from "./starts.ts";
import { QUICK } from "./upstash_subject.ts";

/** How long each run is; more find more. */
const RUN_MS = Number(process.env["RUN_MS"] ?? 3_000);

/** Fast ones, so that there are many. */
const KINDS = upstashFaults.filter((it) => !it.startsWith("hang"));

async function run(behindMs: number | undefined, troubles: UpstashTroubles) {
  const local = await LocalUpstash.start(
    behindMs === undefined ? {} : { behindMs },
  );
  const { url, token } = local.server;
  local.server.trouble(troubles);
  const adapters = count(4).map(() =>
    createUpstashAdapter({ ...QUICK, url, token })
  );
  try {
    const outcome = await play(adapters, {
      ms: RUN_MS,
      channels: count(6).map((it) => `channel ${it}`),
    });
    if (process.env["RUN_MS"]) console.log(behindMs, troubles, outcome);
    expect(outcome.must).toBeGreaterThan(500);
    expect(outcome).toMatchObject({ missed: 0, early: 0, disorder: 0 });
  } finally {
    await local.end();
  }
}

for (const behindMs of [undefined, 120]) {
  for (const rate of [0, 0.2]) {
    test.concurrent(
      `a subscription has all that is published after it, and nothing from before: ${rate} of requests fail, reads ${
        behindMs ?? 0
      } ms behind`,
      () => run(behindMs, { rate, kinds: KINDS }),
      60_000,
    );
  }
}
