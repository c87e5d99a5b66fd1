// 1, 2, 3: fan-out to one room. Server CPU a delivery, ours beside the runtime's own way and beside peers.
import { interleave, result } from "../harness/compare.mjs";
import { expectBytes, startLoad, startServer } from "../harness/programs.mjs";

const ours = { target: "ours", dialect: "superline" };
const socketio = { target: "socketio", dialect: "socketio", peer: true };
const plain = (target) => ({ target, mode: "plain", dialect: "plain" });
const batched = (target) => ({ target, mode: "batched", dialect: "plain" });
const native = { target: "bun", mode: "native", dialect: "plain" };

/** What is run on each runtime. */
const subjects = {
  bun: {
    native,
    plain: plain("bun"),
    ours,
    "socket.io-bun": socketio,
    crossws: { target: "crossws", dialect: "plain", peer: true },
    elysia: { target: "elysia", dialect: "plain", peer: true },
  },
  deno: { plain: plain("deno"), batched: batched("deno"), ours },
  node: {
    plain: plain("node"),
    batched: batched("node"),
    ours,
    "socket.io-node": socketio,
  },
};

const unit = "µs of server CPU a delivery";

export async function* run(size) {
  const { scale, few } = size;
  const members = Math.min(500, Math.max(50, 500 * scale));
  for (const runtime of Object.keys(subjects)) {
    for (const perTurn of few ? [10] : [10, 1]) {
      const measured = await interleave(
        subjects[runtime],
        size,
        (subject) =>
          fanOut(runtime, subject, {
            members,
            perTurn,
            messages: Math.ceil((perTurn === 1 ? 400 : 1_800) * scale),
          }),
      );
      const common = { unit, ours: "ours", ...peerOf(runtime) };
      const name = `fanout-${runtime}-${perTurn}-a-turn`;
      if (runtime === "bun") {
        yield result(measured, {
          ...{ ...common, id: 1, name, control: "native", target: 1.25 },
          ...(perTurn === 10 && { peerTarget: 1 / 8 }),
        });
      } else if (perTurn === 10) {
        yield result(measured, {
          ...{ ...common, id: 2, name, control: "batched", target: 1.25 },
        });
        yield result(measured, {
          ...{ ...common, id: 2, name: `${name}-to-plain` },
          ...{ control: "plain", target: 1 / 5 },
        });
      } else {
        yield result(measured, {
          ...{ ...common, id: 3, name, control: "plain", target: 1.05 },
        });
      }
    }
  }
}

function peerOf(runtime) {
  return runtime === "deno" ? {} : { peer: `socket.io-${runtime}` };
}

/** Server CPU in µs for each delivery of one run. */
export async function fanOut(runtime, subject, { members, perTurn, messages }) {
  const server = await startServer(
    runtime,
    subject.target,
    subject.mode ?? "default",
    "fanout",
    { connections: members, messages, perTurn },
  );
  const args = [server.port, subject.dialect, members];
  const readers = startLoad("readers.mjs", ...args);
  try {
    await readers.line();
    const { cpu } = await server.ask("go");
    await expectBytes(readers, members * messages * 120);
    return cpu / messages / members;
  } finally {
    await readers.end();
    await server.end();
  }
}
