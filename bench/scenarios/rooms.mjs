// 4: many small rooms, ten members each, messages spread over them. Server CPU a delivery.
import { interleave, result } from "../harness/compare.mjs";
import { expectBytes, startLoad, startServer } from "../harness/programs.mjs";

const members = 10;
const connections = 1_000;
const control = {
  bun: { target: "bun", mode: "native", dialect: "plain" },
  node: { target: "node", mode: "plain", dialect: "plain" },
};

export async function* run(size) {
  const { scale, few } = size;
  for (
    const most of few
      ? [1_000]
      : scale < 1
      ? [1_000, 100_000]
      : [1_000, 10_000, 100_000]
  ) {
    const rooms = Math.max(100, most * Math.min(1, scale * 2));
    for (const runtime of ["bun", "node"]) {
      const subjects = {
        control: control[runtime],
        ours: { target: "ours", dialect: "superline" },
      };
      const measured = await interleave(
        subjects,
        size,
        (subject) =>
          deliver(runtime, subject, {
            connections,
            rooms,
            messages: Math.ceil(15_000 * scale),
            perTurn: 10,
          }),
      );
      yield result(measured, {
        id: 4,
        name: `rooms-${runtime}-${most}`,
        unit: "µs of server CPU a delivery",
        ours: "ours",
        control: "control",
        target: 1.3,
      });
    }
  }
}

async function deliver(runtime, subject, options) {
  const mode = subject.mode ?? "default";
  const server = await startServer(
    runtime,
    subject.target,
    mode,
    "rooms",
    options,
  );
  const args = [server.port, subject.dialect, connections];
  const readers = startLoad("readers.mjs", ...args);
  try {
    await readers.line();
    const { cpu } = await server.ask("go");
    await expectBytes(readers, members * options.messages * 120);
    return cpu / options.messages / members;
  } finally {
    await readers.end();
    await server.end();
  }
}
