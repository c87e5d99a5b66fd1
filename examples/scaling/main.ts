// Two nodes and one Redis: proves that they are one cluster, or serves a page
// on which one sees it.
//   bun run scaling                       prove it: status 0 when it holds
//   bun run scaling -- --break room       lose one way on purpose: status 1
//   bun run scaling -- --adapter upstash  over REST; mixed: one node on TCP, one over REST
//   bun run scaling -- --serve            a page to open in two tabs
import process from "node:process";
import { type RunningNode, startNode } from "./nodes.ts";
import { needsUpstash } from "./adapters.ts";
import { type Options, readOptions } from "./options.ts";
import { prove } from "./proof.ts";
import { startProxy } from "./proxy.ts";
import { findRedis } from "./redis.ts";
import { findUpstash } from "./upstash.ts";

/** What is to be ended, last first. */
const ends: (() => Promise<unknown>)[] = [];
const interrupted = new Promise<number>((resolve) => {
  // Not once: a signal to the whole group comes again from the parent, and would
  // end this process before it has ended what it started.
  process.on("SIGINT", () => resolve(130)).on("SIGTERM", () => resolve(0));
});

let status = 1;
try {
  const options = readOptions(process.argv.slice(2));
  status = await Promise.race([run(options), interrupted]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
for (const end of ends.reverse()) await end();
process.exit(status);

async function run(options: Options): Promise<number> {
  const nodes = await startCluster(options);
  if (!options.serve) return await judge(nodes, options.adapter);
  const proxy = await startProxy(
    Number(process.env.PORT ?? 3000),
    nodes.map(({ port }) => port),
  );
  ends.push(proxy.stop);
  console.log(`
Open http://localhost:${proxy.port} in two tabs: one is on node A, one on B.
End a node with kill ${nodes[0].pid}, and its tab moves to the other one.`);
  return await interrupted;
}

async function startCluster(
  { adapter, breaks }: Options,
): Promise<[RunningNode, RunningNode]> {
  const redis = await findRedis();
  ends.push(redis.stop);
  console.log(`redis    ${redis.what}`);
  const upstash = needsUpstash(adapter)
    ? await findUpstash(redis.url)
    : undefined;
  if (upstash) {
    ends.push(upstash.stop);
    console.log(`upstash  ${upstash.what}`);
  }
  const env = {
    ...upstash?.env,
    ADAPTER: adapter,
    REDIS_URL: redis.url,
    NAMESPACE: `scaling-${crypto.randomUUID()}`, // two runs never meet
  };
  const start = async (name: string, more: Record<string, string> = {}) => {
    const node = await startNode(name, { ...env, ...more });
    ends.push(node.stop);
    return node;
  };
  const nodes = await Promise.all([start("A"), start("B", { LOSES: breaks })]);
  for (const { name, pid, port } of nodes) {
    console.log(`node ${name}   process ${pid}, port ${port}`);
  }
  return nodes;
}

/** Prints each way, and the verdict in the words that arrived. */
async function judge(
  nodes: [RunningNode, RunningNode],
  adapter: string,
): Promise<number> {
  const words: string[] = [];
  let status = 0;
  console.log("\nBob on node B sends, Ada on node A listens:");
  for await (const { way, arrived, flaw, ms } of prove(...nodes)) {
    if (arrived) {
      const { id, from, node } = arrived;
      words.push(`${arrived.text} ok`);
      console.log(
        `  ✓ ${way.padEnd(7)} ${id} of ${from} on ${node}, ${ms.toFixed(1)} ms`,
      );
    } else {
      words.push(`${way} FAILED`);
      console.log(`  ✗ ${way.padEnd(7)} ${flaw}`);
      status = 1;
    }
  }
  console.log(
    `\nscaling: ${words.join(", ")} (${nodes.length} nodes, ${adapter})`,
  );
  return status;
}
