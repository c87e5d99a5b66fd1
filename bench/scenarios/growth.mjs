// 12: whether cost stays what it is as numbers grow: members of a room, and connections to accept.
import { interleave, result } from "../harness/compare.mjs";
import { startLoad, startServer } from "../harness/programs.mjs";
import { fanOut } from "./fanout.mjs";

const control = { target: "bun", mode: "native", dialect: "plain" };
const ours = { target: "ours", dialect: "superline" };

export async function* run(size) {
  const { scale, few } = size;
  for (const members of few ? [10] : [10, 100, 1_000, 10_000]) {
    const deliveries = 600_000 * scale;
    const messages = Math.min(6_000 * scale, deliveries / members);
    const measured = await interleave(
      { control, ours },
      size,
      (subject) =>
        fanOut("bun", subject, {
          members: Math.min(members, Math.max(10, 10_000 * scale)),
          perTurn: 10,
          messages: Math.max(10, Math.ceil(messages / 10) * 10),
        }),
    );
    yield result(measured, {
      id: 12,
      name: `growth-fanout-bun-${members}`,
      unit: "µs of server CPU a delivery",
      ours: "ours",
      control: "control",
      target: 1.3,
    });
  }
  for (const connections of few ? [100] : [100, 1_000, 15_000]) {
    const count = Math.min(connections, Math.max(100, 15_000 * scale));
    const measured = await interleave(
      { control, ours },
      size,
      (subject) => accept(subject, count),
    );
    yield result(measured, {
      id: 12,
      name: `growth-accept-bun-${connections}`,
      unit: "µs of server CPU to accept one",
      ours: "ours",
      control: "control",
    });
  }
}

/** Server CPU in µs for each of `connections` accepted after a hundred. */
async function accept({ target, mode = "default", dialect }, connections) {
  const server = await startServer("bun", target, mode, "serve");
  const loads = [];
  const open = async (count) => {
    loads.push(startLoad("readers.mjs", server.port, dialect, count));
    await loads.at(-1).line();
  };
  try {
    await open(100); // warm
    const before = await server.ask("cpu");
    await open(connections);
    const after = await server.ask("cpu");
    return (after.cpu - before.cpu) / connections;
  } finally {
    for (const load of loads) await load.end();
    await server.end();
  }
}
