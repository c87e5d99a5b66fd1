// 9: joining and leaving rooms. Server CPU a join, and what Redis is told.
import { interleave, result } from "../harness/compare.mjs";
import { startLoad, startServer } from "../harness/programs.mjs";
import { callsOf, startRedis } from "../harness/redis.mjs";

const ways = [
  {
    name: "10000-connections-10-rooms",
    connections: 10_000,
    each: 10,
    rooms: 10,
  },
  {
    name: "100000-rooms-of-one",
    connections: 100,
    each: 1_000,
    rooms: 100_000,
  },
];
const subjects = {
  bun: {
    control: { target: "bun", mode: "native", dialect: "plain" },
    ours: { target: "ours", dialect: "superline" },
    "socket.io-bun": { target: "socketio", dialect: "socketio", peer: true },
  },
  node: {
    control: { target: "node", mode: "plain", dialect: "plain" },
    ours: { target: "ours", dialect: "superline" },
    "socket.io-node": { target: "socketio", dialect: "socketio", peer: true },
  },
};
const limitUs = 3;

export async function* run(size) {
  const { scale, few } = size;
  for (const runtime of ["bun", "node"]) {
    for (const way of few ? ways.slice(0, 1) : ways) {
      const connections = Math.ceil(way.connections * Math.min(1, scale * 2));
      const leaves = [];
      const measured = await interleave(
        subjects[runtime],
        size,
        async (subject) => {
          const { join, leave } = await joinAll(runtime, subject, {
            ...way,
            connections,
          });
          if (subject.target === "ours") leaves.push(leave);
          return join;
        },
      );
      const line = result(measured, {
        id: 9,
        name: `joins-${runtime}-${way.name}`,
        unit: "µs of server CPU a join",
        ours: "ours",
        control: "control",
        peer: `socket.io-${runtime}`,
        note: `a leave: ${leaves[0].toFixed(2)} µs`,
      });
      yield { ...line, limit: limitUs, ok: line.value <= limitUs };
    }
  }
  yield await subscribes(few ? 100 : 1_000);
}

/** What a node tells Redis when each of its connections joins ten of a hundred rooms, and leaves them. */
async function subscribes(connections) {
  const redis = await startRedis();
  const rooms = 100;
  const options = { connections, each: 10, rooms };
  try {
    const before = await callsOf(redis.port, "subscribe");
    await joinAll("bun", { ...subjects.bun.ours, mode: redis.url }, options);
    const value = await callsOf(redis.port, "subscribe") - before;
    const limit = rooms + 1 + 2; // the adapter's own channel, and the node's two
    return {
      ...{ id: 9, name: "joins-redis-subscribes" },
      unit: `SUBSCRIBE for ${connections * 10} joins of ${rooms} rooms`,
      ...{ value, limit, ok: value <= limit },
      note: "a command carries the channels of a turn",
    };
  } finally {
    redis.end();
  }
}

async function joinAll(runtime, subject, { connections, each, rooms }) {
  const { target, mode = "default", dialect } = subject;
  const options = { connections, each, rooms };
  const server = await startServer(runtime, target, mode, "joins", options);
  const load = startLoad("readers.mjs", server.port, dialect, connections);
  try {
    await load.line();
    const { join, leave } = await server.ask("go");
    const count = connections * each;
    return { join: join / count, leave: leave / count };
  } finally {
    await load.end();
    await server.end();
  }
}
