// One server of the fan-out bench: `server.ts <mode> <messages a turn>`, on the runtime that runs it.
// Prints its port, waits for a line, sends, and prints the CPU time that each delivery took.
import { createServer } from "node:http";
import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createSocketServer as createOnNode } from "@super-line/edge/node";
import { WebSocketServer } from "ws";
import { z } from "zod";

type Mode = "ours" | "plain" | "batched" | "native";
const mode = process.argv[2] as Mode; // the driver passes it
const perTurn = Number(process.argv[3]);
const messages = Number(process.argv[4]);

const api = defineContract({
  shared: { serverToClient: { m: { payload: z.object({ t: z.string() }) } } },
  roles: { user: {} },
});
const data = { t: "x".repeat(105) };
const frame = (): string => JSON.stringify(["evt", "m", data]);

interface Sink {
  send(data: string): unknown;
}
const sinks = new Set<Sink>();
let broadcast: (count: number) => void = (count) => {
  if (mode === "batched") {
    const joined = Array.from({ length: count }, frame).join("\n");
    for (const sink of sinks) sink.send(joined);
    return;
  }
  for (let i = 0; i < count; i++) {
    const text = frame();
    for (const sink of sinks) sink.send(text);
  }
};

const options = {
  authenticate: () => ({ role: "user" as const }),
  onConnection: (conn: never) => srv.room("r").add(conn),
};
interface Server {
  implement(handlers: Record<never, never>): unknown;
  room(
    name: string,
  ): { add(conn: never): unknown; broadcast(event: "m", data: unknown): void };
  fetch?: unknown;
  websocket?: unknown;
}
let srv: Server;

const protocol = "superline.v1";
/** What is used of Deno; Bun's own types are there. */
interface DenoLike {
  upgradeWebSocket(
    request: Request,
    options: { protocol: string },
  ): { socket: WebSocket; response: Response };
  serve(
    options: { port: number; onListen: () => void },
    handler: (request: Request) => Response | Promise<Response>,
  ): { addr: { port: number } };
}
const { Deno } = globalThis as { Deno?: DenoLike }; // there on its own runtime
let port = 0;
if ("Bun" in globalThis) {
  const ours = createSocketServer(api, options as never);
  srv = ours as never;
  const controls: Bun.WebSocketHandler<undefined> = {
    open(ws) {
      sinks.add(ws);
      ws.subscribe("r");
    },
    message() {},
    close: (ws) => void sinks.delete(ws),
  };
  const headers = { "sec-websocket-protocol": protocol };
  const server = mode === "ours"
    ? Bun.serve({ port: 0, fetch: ours.fetch, websocket: ours.websocket })
    : Bun.serve({
      port: 0,
      websocket: controls,
      fetch(request, it) {
        it.upgrade(request, { headers });
      },
    });
  port = server.port ?? 0;
  if (mode === "native") {
    broadcast = (count) => {
      for (let i = 0; i < count; i++) server.publish("r", frame());
    };
  }
} else if (Deno) {
  const ours = createSocketServer(api, options as never);
  srv = ours as never;
  const handler = mode === "ours" ? ours.fetch : (request: Request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol });
    socket.onopen = () => sinks.add(socket);
    socket.onclose = () => sinks.delete(socket);
    return response;
  };
  port = Deno.serve({ port: 0, onListen() {} }, handler).addr.port;
} else {
  const server = createServer();
  if (mode === "ours") {
    srv = createOnNode(api, { server, ...options } as never) as never;
  } else {
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    sockets.on("connection", (ws) => {
      sinks.add(ws);
      ws.on("close", () => sinks.delete(ws));
    });
  }
  await new Promise<void>((ready) => server.listen(0, ready));
  port = (server.address() as { port: number }).port;
}
if (mode === "ours") {
  srv!.implement({});
  const room = srv!.room("r");
  broadcast = (count) => {
    for (let i = 0; i < count; i++) room.broadcast("m", data);
  };
}
console.log(`port ${port}`);

process.stdin.once("data", async () => {
  for (let i = 0; i < messages / 10; i += perTurn) { // warm up
    broadcast(perTurn);
    await nextTurn();
  }
  await new Promise((later) => setTimeout(later, 300));
  const start = process.cpuUsage();
  for (let sent = 0; sent < messages; sent += perTurn) {
    broadcast(perTurn);
    await nextTurn();
    if (sent % 100 === 0) await new Promise((later) => setTimeout(later, 1));
  }
  await new Promise((later) => setTimeout(later, 500));
  const { user, system } = process.cpuUsage(start);
  console.log(`cpu ${user + system}`);
  process.exit(0);
});
