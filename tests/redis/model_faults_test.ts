/** The cluster suite is worth what it finds: it runs on copies of this library with one fault each. */
import { afterAll, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { copyWith, type Fault, faults } from "../cluster/model/broken.ts";
import { runCluster } from "../cluster/model/driver.ts";
import { usual } from "../cluster/model/plan.ts";
import { inWords } from "../cluster/model/report.ts";
import { RedisServer } from "./redis_server.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

const adapter = fileURLToPath(new URL("cluster_adapter.ts", import.meta.url));
const repeating = fileURLToPath(
  new URL("../cluster/model/repeating_adapter.ts", import.meta.url),
);

/** A small run on Bun alone. */
async function run(namespace: string, fault?: Partial<Fault>, root?: string) {
  const options = { url: redis.url, namespace };
  const node = {
    runtime: "Bun" as const,
    ...(fault?.repeating
      ? { adapter: repeating, options: { adapter, options } }
      : { adapter, options }),
    ...(root === undefined ? {} : { root }),
  };
  const report = await runCluster({
    ...usual,
    nodes: [node, node, node],
    clientsPerNode: 6,
    messages: 400,
    actions: 3,
    landMs: 500,
    patienceMs: 3_000,
    repeats: fault?.repeating === true,
    seed: 1,
  });
  console.log(inWords({ ...report, examples: report.examples.slice(0, 3) }));
  return report;
}

test("what a broker repeats reaches nobody twice", async () => {
  const report = await run("repeating", { repeating: true });
  expect(report.faults).toEqual({});
  expect(report.relay["repeated"]).toBeGreaterThan(20);
}, 60_000);

for (const [at, fault] of faults.entries()) {
  test(`a node that ${fault.name} is found`, async () => {
    const root = await copyWith(fault);
    try {
      const report = await run(`fault${at}`, fault, root);
      const kinds = Object.keys(report.faults);
      for (const kind of fault.found) expect(kinds).toContain(kind);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }, 60_000);
}
