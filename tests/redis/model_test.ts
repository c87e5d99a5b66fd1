/**
 * The cluster suite on a Redis: three processes on three runtimes, their clients, and a model that knows who gets what.
 * `MESSAGES=50000 OUTAGES=10 bun test tests/redis/model_test.ts` is the whole of it.
 */
import { afterAll, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { runCluster } from "../cluster/model/driver.ts";
import type { NodePlan } from "../cluster/model/node_process.ts";
import { type ClusterPlan, usual } from "../cluster/model/plan.ts";
import { inWords } from "../cluster/model/report.ts";
import { RedisServer } from "./redis_server.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? 5_000);
const OUTAGES = Number(process.env["OUTAGES"] ?? 2);
const SEED = Number(process.env["SEED"] ?? 20_261_124);

const redis = await RedisServer.start();
afterAll(() => redis.end());

const adapter = fileURLToPath(new URL("cluster_adapter.ts", import.meta.url));

function plan(namespace: string): ClusterPlan {
  const options = { url: redis.url, namespace };
  const nodes = (["Bun", "Deno", "Node"] as const).map((runtime): NodePlan => ({
    runtime,
    adapter,
    options,
  }));
  return { ...usual, nodes, messages: MESSAGES, seed: SEED };
}

test(
  `${MESSAGES} messages reach those whom they must, and nobody else, once and in order`,
  async () => {
    const report = await runCluster(plan("model"));
    console.log(inWords(report));
    expect(report.faults).toEqual({});
    expect(report.may).toBeLessThan(0.05);
    expect(report.pairs.must).toBeGreaterThan(MESSAGES * 5);
    expect(report.relay).toMatchObject({ missed: 0, repeated: 0, foreign: 0 });
  },
  60_000 + 10 * MESSAGES,
);

const outage = {
  times: OUTAGES,
  messages: [100, 200],
  backMs: 20_000,
  begin: () => redis.kill(),
  end: () => redis.begin(),
} as const;

test(
  "Redis killed again and again: what is lost is what the gaps count",
  async () => {
    const report = await runCluster({
      ...plan("anchored"),
      outage: { ...outage, anchored: true },
    });
    console.log(inWords(report));
    expect(report.faults).toEqual({});
    expect(report.lost).toBeGreaterThan(0);
    // Every node is subscribed to every channel from the first proof that all are live to the last: no loss is before
    // the first envelope that it knows or after the last, so each is a gap.
    expect(report.relay["missed"]).toBe(report.lostEnvelopes);
    expect(report.relay["repeated"]).toBe(0);
  },
  120_000,
);

test(
  "Redis killed again and again, while nodes subscribe and unsubscribe",
  async () => {
    const report = await runCluster({
      ...plan("outages"),
      outage: { ...outage, anchored: false },
    });
    console.log(inWords(report));
    expect(report.faults).toEqual({});
    expect(report.relay["repeated"]).toBe(0);
  },
  120_000,
);
