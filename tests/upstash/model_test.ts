/**
 * The cluster suite over REST: processes on three runtimes, their clients, and a model that knows who gets what.
 * `MESSAGES` says how many are sent.
 */
import { afterAll, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { createUpstashServer } from "../../src/testing/upstash/mod.ts";
import { runCluster } from "../cluster/model/driver.ts";
import type { NodePlan, Runtime } from "../cluster/model/node_process.ts";
import { type ClusterPlan, usual } from "../cluster/model/plan.ts";
import { inWords } from "../cluster/model/report.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { QUICK } from "./upstash_subject.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? 1_500);
const SEED = Number(process.env["SEED"] ?? 20_261_124);

const redis = await RedisServer.start();
const server = await createUpstashServer({ redis: redis.url });
afterAll(async () => {
  await server.close();
  await redis.end();
});

const pathOf = (module: string) =>
  fileURLToPath(new URL(module, import.meta.url));

function overRest(runtime: Runtime, namespace: string) {
  const { url, token } = server;
  return {
    runtime,
    adapter: pathOf("cluster_adapter.ts"),
    options: { ...QUICK, url, token, namespace },
  };
}

/** It polls: more is under way while somebody comes or goes. */
function plan(...nodes: NodePlan[]): ClusterPlan {
  return {
    ...usual,
    nodes,
    messages: MESSAGES,
    seed: SEED,
    actions: 0.1,
    landMs: 5_000,
    patienceMs: 30_000,
  };
}

test(
  `${MESSAGES} messages over REST reach those whom they must, and nobody else`,
  async () => {
    const report = await runCluster(plan(
      overRest("Bun", "rest"),
      overRest("Deno", "rest"),
      overRest("Node", "rest"),
    ));
    console.log(inWords(report));
    expect(report.faults).toEqual({});
    expect(report.may).toBeLessThan(0.05);
  },
  90_000 + 20 * MESSAGES,
);

test(
  "an Upstash that goes and comes: what is lost is what the gaps count",
  async () => {
    const report = await runCluster({
      ...plan(
        overRest("Bun", "outage"),
        overRest("Deno", "outage"),
        overRest("Node", "outage"),
      ),
      outage: {
        times: 2,
        messages: [100, 200],
        backMs: 30_000,
        anchored: true,
        begin: () => Promise.resolve(server.pause()),
        end: () => Promise.resolve(server.resume()),
      },
    });
    console.log(inWords(report));
    expect(report.faults).toEqual({});
    expect(report.relay["missed"]).toBe(report.lostEnvelopes);
  },
  150_000,
);
