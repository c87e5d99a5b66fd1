// 8: what an idle connection costs: resident memory after a full collection, in kB a connection.
import { interleave, result } from "../harness/compare.mjs";
import { startLoad, startServer } from "../harness/programs.mjs";

const bare = {
  bun: { target: "bun", mode: "native", dialect: "plain" },
  deno: { target: "deno", mode: "plain", dialect: "plain" },
  node: { target: "node", mode: "plain", dialect: "plain" },
};
const ours = { target: "ours", dialect: "superline" };
const socketio = { target: "socketio", dialect: "socketio", peer: true };
const targets = { bun: 1.8, deno: 1.4, node: 1.4 };

export async function* run({ scale, few }) {
  const connections = Math.max(
    300,
    Math.round(15_000 * Math.min(1, scale * 2)),
  );
  for (const runtime of scale < 1 ? ["bun"] : ["bun", "deno", "node"]) {
    const subjects = {
      bare: bare[runtime],
      "in no room": { ...ours, room: "none" },
      "in one room": { ...ours, room: "shared" },
      "in a room each": { ...ours, room: "own" },
      "bare, in one room": { ...bare[runtime], room: "shared", peer: true },
      ...(runtime !== "deno" && { [`socket.io-${runtime}`]: socketio }),
    };
    const measured = await interleave(
      subjects,
      { rounds: 1, few }, // memory varies little, and opening this many takes its time
      (subject) => weigh(runtime, subject, connections),
    );
    for (const room of ["in no room", "in one room", "in a room each"]) {
      yield result(measured, {
        id: 8,
        name: `idle-${runtime}-${room.replaceAll(" ", "-")}`,
        unit: `kB a connection, ${connections} of them`,
        ours: room,
        control: "bare",
        target: targets[runtime],
        peer: `socket.io-${runtime}`,
        ...(runtime === "bun" && { peerTarget: 1 / 3 }),
      });
    }
  }
}

export async function weigh(runtime, subject, connections) {
  const { target, mode = "default", dialect, room = "none" } = subject;
  const server = await startServer(runtime, target, mode, "idle", { room });
  const loads = [];
  const open = async (count) => {
    const load = startLoad("readers.mjs", server.port, dialect, count);
    loads.push(load);
    await load.line();
  };
  try {
    await open(Math.ceil(connections / 20)); // warm
    await server.ask("go");
    const before = await server.ask("rss");
    await open(connections);
    await server.ask("rss");
    await new Promise((later) => setTimeout(later, 1_000));
    const after = await server.ask("rss");
    return (after.rss - before.rss) / connections / 1_000;
  } finally {
    for (const load of loads) await load.end();
    await server.end();
  }
}
