// 7: what a node receives that nobody on it wants: four nodes, a thousand rooms, each heard on one of them.
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { here, Program } from "../harness/programs.mjs";
import { startCounter, startRedis } from "../harness/redis.mjs";

const nodes = 4;

export async function* run({ scale, few }) {
  const redis = await startRedis();
  const rooms = Math.max(40, Math.ceil(1_000 * Math.min(1, scale * 4)));
  try {
    const value = await unwanted(redis.port, "ours", rooms);
    const others = {};
    const missing = {};
    for (const way of few ? [] : ["socketio", "socketio-sharded"]) {
      try {
        others[way] = await unwanted(redis.port, way, rooms);
      } catch (error) {
        missing[way] = String(error.message);
      }
    }
    yield {
      id: 7,
      name: "redis-unwanted",
      unit: `messages received in vain, of ${rooms} sent`,
      value,
      limit: 0,
      ok: value <= 0,
      others,
      ...(Object.keys(missing).length > 0 && { missing }),
    };
  } finally {
    redis.end();
  }
}

async function unwanted(port, way, rooms) {
  const counters = await Promise.all(
    Array.from({ length: nodes }, () => startCounter(port, "x".repeat(100))),
  );
  const program = join(here, "server/cluster.ts");
  const all = counters.map(({ url }) => new Program(bun, [program, way, url]));
  try {
    await Promise.all(all.map((node) => node.line()));
    const each = rooms / nodes;
    for (const [at, node] of all.entries()) {
      await node.ask(`hear ${at * each} ${(at + 1) * each}`);
    }
    for (const counter of counters) counter.take();
    await all[0].ask(`send ${rooms} 10 ${rooms}`);
    await new Promise((later) => setTimeout(later, 1_000));
    // Every room is heard on one node; the sender's own come back to it as well, since a broker knows no senders.
    const received = counters.reduce((sum, it) => sum + it.take(), 0);
    return Math.max(0, received - rooms);
  } finally {
    await Promise.all(all.map((node) => node.end()));
    for (const counter of counters) counter.end();
  }
}
