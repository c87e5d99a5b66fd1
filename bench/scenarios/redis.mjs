// 6: from node to node over Redis, 100 channels: messages a second and latency, beside bare PUBLISH and SUBSCRIBE.
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { interleave, result } from "../harness/compare.mjs";
import { here, Program } from "../harness/programs.mjs";
import { startRedis } from "../harness/redis.mjs";

const channels = 100;
const subjects = {
  bare: { way: "bare" },
  ours: { way: "ours" },
  "socket.io": { way: "socketio", peer: true },
  "socket.io-sharded": { way: "socketio-sharded", peer: true },
};

export async function* run(size) {
  const { scale } = size;
  const redis = await startRedis();
  const latencies = {};
  try {
    for (const perTurn of [1, 10]) {
      // Ten a turn are carried in a tenth of the time: a run of 5 000 was over in 50 ms, of which each pause is a part.
      const count = Math.max(200, Math.ceil(50_000 * scale * perTurn));
      const measured = await interleave(subjects, size, async ({ way }) => {
        const { rate, p50 } = await carry(redis.url, way, perTurn, count);
        if (perTurn === 1) (latencies[way] ??= []).push(p50);
        return rate;
      });
      yield result(measured, {
        ...{ id: 6, name: `redis-${perTurn}-a-turn`, atLeast: true },
        ...{ unit: "messages a second", ours: "ours", control: "bare" },
        target: perTurn === 1 ? 0.7 : 2,
        ...{ peer: "socket.io", peerTarget: 3 },
      });
    }
    yield result({ values: latencies, missing: {} }, {
      ...{ id: 6, name: "redis-latency-p50", target: 1.3 },
      ...{ unit: "ms one way", ours: "ours", control: "bare" },
    });
  } finally {
    redis.end();
  }
}

async function carry(url, way, perTurn, count) {
  const program = join(here, "server/cluster.ts");
  const [from, to] = [0, 1].map(() => new Program(bun, [program, way, url]));
  try {
    await Promise.all([from.line(), to.line()]);
    await to.ask(`hear 0 ${channels}`);
    await from.ask(`hear ${channels} ${channels + 1}`); // where answers go
    const all = async (messages) => {
      await to.ask(`wait ${messages}`);
      const began = performance.now();
      await from.ask(`send ${messages} ${perTurn} ${channels}`);
      await to.line();
      return messages / (performance.now() - began) * 1_000;
    };
    await all(Math.ceil(count / 5)); // warm
    const rate = await all(count);
    const trips = Math.max(50, Math.ceil(count / 25));
    const { p50 } = await from.ask(`latency ${trips} 0 ${channels}`);
    return { rate, p50 };
  } finally {
    await Promise.all([from.end(), to.end()]);
  }
}
