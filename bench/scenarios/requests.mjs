// 5: request and reply, 32 in flight on each of 50 connections. Server CPU a request.
import { interleave, median, result, round } from "../harness/compare.mjs";
import { startLoad, startServer } from "../harness/programs.mjs";

const subjects = {
  bare: { runtime: "bun", target: "bun", mode: "plain", dialect: "plain" },
  ours: { runtime: "bun", target: "ours", dialect: "superline" },
  "socket.io-bun": {
    ...{ runtime: "bun", target: "socketio", dialect: "socketio", peer: true },
    rounds: 3,
  },
  "orpc-bun": { runtime: "bun", target: "orpc", dialect: "orpc", peer: true },
  elysia: { runtime: "bun", target: "elysia", dialect: "plain", peer: true },
  crossws: { runtime: "bun", target: "crossws", dialect: "plain", peer: true },
  "bare-node": {
    ...{ runtime: "node", target: "node", mode: "plain", dialect: "plain" },
    peer: true,
  },
  "ours-node": {
    ...{ runtime: "node", target: "ours", dialect: "superline", peer: true },
  },
  "trpc-node": {
    ...{ runtime: "node", target: "trpc", dialect: "trpc", peer: true },
  },
  "orpc-node": {
    ...{ runtime: "node", target: "orpc", dialect: "orpc", peer: true },
  },
};

export async function* run(size) {
  const { scale } = size;
  const requests = Math.ceil(200_000 * scale);
  const perSecond = {};
  const measured = await interleave(subjects, size, async (subject) => {
    const slow = subject.runtime === "node" ? 4 : 1;
    const { cpu, rate } = await ask(subject, Math.ceil(requests / slow));
    (perSecond[subject.target + subject.runtime] ??= []).push(rate);
    return cpu;
  });
  const common = {
    ...{ id: 5, unit: "µs of server CPU a request", ours: "ours" },
    note: `${
      round(median(perSecond["oursbun"]))
    } requests a second on two cores that the load shares`,
  };
  yield result(measured, {
    ...{ ...common, name: "requests-bun", control: "bare", target: 1.7 },
    ...{ peer: "socket.io-bun", peerTarget: 1 / 2 },
  });
  yield result(measured, {
    ...{ ...common, name: "requests-bun-to-trpc-node" },
    ...{ peer: "trpc-node", peerTarget: 1 / 10 },
  });
}

/** Server CPU in µs for each request, and requests a second. */
export async function ask(
  { runtime, target, mode = "default", dialect },
  requests,
) {
  const server = await startServer(runtime, target, mode, "serve");
  const load = startLoad("requests.mjs", server.port, dialect, 50, 32);
  try {
    await load.line();
    await load.ask(Math.ceil(requests / 2)); // warm
    const before = await server.ask("cpu");
    const { ms } = await load.ask(requests);
    const after = await server.ask("cpu");
    return {
      cpu: (after.cpu - before.cpu) / requests,
      rate: requests / ms * 1_000,
    };
  } finally {
    await load.end();
    await server.end();
  }
}
