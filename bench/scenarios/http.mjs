// 13: clients over the HTTP transport, 4 requests in flight on each of 50 connections: server CPU a request, beside
// the same clients over a WebSocket and beside Socket.IO's over long-polling. And what an idle one takes in memory.
import { join } from "node:path";
import process from "node:process";
import { interleave, result } from "../harness/compare.mjs";
import { here, Program, startServer } from "../harness/programs.mjs";
import { bun } from "../../scripts/run.mjs";

const subjects = {
  websocket: { target: "ours", kind: "websocket" },
  http: { target: "ours", kind: "http" },
  "long-polling": { target: "ours", kind: "poll" },
  "socket.io-polling": {
    ...{ target: "socketio", kind: "socketio", peer: true },
    rounds: 3,
  },
};

// Bun sends at most 256 requests at once unless it is told otherwise (1.4).
process.env.BUN_CONFIG_MAX_HTTP_REQUESTS ??= "20000";

export async function* run(size) {
  const requests = Math.ceil(20_000 * size.scale);
  const cpu = await interleave(
    subjects,
    size,
    (subject) => ask(subject, requests),
  );
  const idle = Math.max(50, Math.ceil(2_000 * Math.min(1, size.scale * 4)));
  const memory = await interleave(
    subjects,
    { rounds: 1, few: size.few },
    (subject) => weigh(subject, idle),
  );
  for (const ours of ["http", "long-polling"]) {
    yield result(cpu, {
      id: 13,
      name: `requests-over-${ours}`,
      unit: "µs of server CPU a request",
      ours,
      control: "websocket",
      peer: "socket.io-polling",
      peerTarget: 0.5,
    });
    yield result(memory, {
      id: 13,
      name: `idle-over-${ours}`,
      unit: `kB a connection, ${idle} of them`,
      ours,
      control: "websocket",
      peer: "socket.io-polling",
      peerTarget: 0.5,
    });
  }
}

const startClients = (port, kind, connections) =>
  new Program(bun, [
    join(here, "load/http_clients.ts"),
    ...[port, kind, connections, 4],
  ]);

async function ask({ target, kind }, requests) {
  const server = await startServer("bun", target, "default", "serve");
  const load = startClients(server.port, kind, 50);
  try {
    await load.line();
    await load.ask(Math.ceil(requests / 4)); // warm
    const before = await server.ask("cpu");
    await load.ask(requests);
    const after = await server.ask("cpu");
    return (after.cpu - before.cpu) / requests;
  } finally {
    await load.end();
    await server.end();
  }
}

async function weigh({ target, kind }, connections) {
  const server = await startServer("bun", target, "default", "serve");
  const loads = [];
  const open = async (count) => {
    const load = startClients(server.port, kind, count);
    loads.push(load);
    await load.line();
  };
  try {
    await open(Math.ceil(connections / 10)); // warm
    const before = await server.ask("rss");
    await open(connections);
    const after = await server.ask("rss");
    return (after.rss - before.rss) / connections / 1_000;
  } finally {
    for (const load of loads) await load.end();
    await server.end();
  }
}
