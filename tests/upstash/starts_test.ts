import { expect, test } from "bun:test";
import { Redis } from "@upstash/redis";
import {
  createUpstashAdapter,
  type UpstashClientLike,
  type UpstashPipelineLike,
} from "../../adapters/upstash.ts";
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

/** A client that says which payloads are stored. */
function telling(
  redis: Redis,
  stored: (text: string) => void,
): UpstashClientLike {
  return {
    xread: redis.xread.bind(redis),
    async eval(script, keys, args) {
      const result = await redis.eval(script, keys, args);
      for (const it of args) if (it.startsWith("s")) stored(it.slice(1));
      return result;
    },
    pipeline() {
      const pipeline: UpstashPipelineLike = redis.pipeline();
      const texts: string[] = [];
      return {
        xadd(key, id, fields, options) {
          texts.push(fields["d"]?.slice(1) ?? "");
          return pipeline.xadd(key, id, fields, options);
        },
        xtrim: pipeline.xtrim.bind(pipeline),
        xrevrange: pipeline.xrevrange.bind(pipeline),
        expire: pipeline.expire.bind(pipeline),
        publish: pipeline.publish.bind(pipeline),
        async exec(options) {
          const results = await pipeline.exec(options);
          if (Array.isArray(results)) texts.forEach(stored);
          return results;
        },
      };
    },
  };
}

async function run(behindMs: number | undefined, troubles: UpstashTroubles) {
  const local = await LocalUpstash.start(
    behindMs === undefined ? {} : { behindMs },
  );
  const { url, token } = local.server;
  local.server.trouble(troubles);
  const redis = new Redis({ url, token, retry: { retries: 0 } });
  const adapters = count(4).map(() => (stored: (text: string) => void) =>
    createUpstashAdapter({ ...QUICK, client: telling(redis, stored) })
  );
  try {
    const outcome = await play(adapters, {
      ms: RUN_MS,
      channels: count(6).map((it) => `channel ${it}`),
    });
    if (process.env["RUN_MS"]) console.log(behindMs, troubles, outcome);
    expect(outcome.must).toBeGreaterThan(50);
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
