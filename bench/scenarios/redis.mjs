// 6: from node to node over Redis, 100 channels: messages a second and latency, beside bare PUBLISH and SUBSCRIBE.
import { join } from "node:path";
import { bun } from "../../scripts/run.mjs";
import { interleave, result } from "../harness/compare.mjs";
import { here, Program } from "../harness/programs.mjs";
import { startRedis } from "../harness/redis.mjs";

const channels = 100;
const subjects = {
  bare: { way: "bare" },
  "batched by hand": { way: "batched" },
  ours: { way: "ours" },
  "socket.io": { way: "socketio", peer: true, rounds: 5 },
  "socket.io-sharded": { way: "socketio-sharded", peer: true, rounds: 5 },
};

export async function* run({ scale, few }) {
  const redis = await startRedis();
  const pairs = {};
  // Slices of half a second take turns between processes that all live: a run of its own each measured the warm-up, and
  // the neighbours on the machine.
  const rounds = few ? 1 : Math.max(3, Math.ceil(15 * scale));
  try {
    const pairOf = async ({ way }) =>
      pairs[way] ??= await start(redis.url, way);
    for (const perTurn of [1, 10]) {
      const most = perTurn === 1 ? 10_000 : 50_000;
      const slice = few ? 200 : scale < 1 ? most * 0.4 : most;
      const peersSlice = Math.min(slice, 4_000);
      const cpu = {};
      const carry = async (subject) => {
        const { from } = await pairOf(subject);
        const count = subject.peer ? peersSlice : slice;
        const { ms, us } = await from.ask(
          `carry ${count} ${perTurn} ${channels}`,
        );
        (cpu[subject.way] ??= []).push(us / count);
        return count / ms * 1_000;
      };
      await interleave(
        subjects,
        { rounds: few ? 1 : scale < 1 ? 2 : 4, few },
        carry,
      ); // until the compilers are done
      for (const way of Object.keys(cpu)) delete cpu[way];
      const measured = await interleave(subjects, { rounds, few }, carry);
      yield result(measured, {
        ...{ id: 6, name: `redis-${perTurn}-a-turn`, atLeast: true },
        ...{ unit: "messages a second", ours: "ours", control: "bare" },
        target: perTurn === 1 ? 0.7 : 2,
        peer: "socket.io",
        // At one a turn bare PUBLISH itself is not three times as fast: both are what the same client takes.
        ...(perTurn === 10 && { peerTarget: 3 }),
      });
      yield result({ values: cpu, missing: {} }, {
        ...{ id: 6, name: `redis-${perTurn}-a-turn-cpu`, control: "bare" },
        ...{ unit: "µs of the sender's CPU a message", ours: "ours" },
      });
    }
    const trips = few ? 50 : 300;
    const measured = await interleave(
      { bare: subjects.bare, ours: subjects.ours },
      { rounds: few ? 1 : Math.max(rounds, 9), few },
      async (subject) => {
        const { from } = await pairOf(subject);
        return (await from.ask(`latency ${trips} 0 ${channels}`)).p50;
      },
    );
    yield result(measured, {
      ...{ id: 6, name: "redis-latency-p50", target: 1.3 },
      ...{ unit: "ms one way", ours: "ours", control: "bare" },
    });
  } finally {
    for (const { from, to } of Object.values(pairs)) {
      await Promise.all([from.end(), to.end()]);
    }
    redis.end();
  }
}

/** Two nodes, of which one hears the channels and the other the confirmations. */
async function start(url, way) {
  const program = join(here, "server/cluster.ts");
  const [from, to] = [0, 1].map(() => new Program(bun, [program, way, url]));
  await Promise.all([from.line(), to.line()]);
  await to.ask(`hear 0 ${channels} ${channels}`);
  await from.ask(`hear ${channels} ${channels + 1}`);
  return { from, to };
}
