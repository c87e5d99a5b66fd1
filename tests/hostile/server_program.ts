// The server that hostile clients are let loose on, in a process of its own, on the runtime that runs it. It prints its
// port, and answers /tally, /heap after a forced collection, and /pause, which holds its event loop up.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  type Schema,
  type ServerOptions,
  SocketError,
} from "../../mod.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";
import type { DenoServeLike } from "../runtimes/deno_like.ts";

/** What the tests ask about. */
export interface Tally {
  /** Values that a schema was given. */
  validated: number;
  /** Calls that reached a handler. */
  handled: number;
  /** Inputs that a handler saw and no schema would have let through. */
  tainted: string[];
  /** Errors that reached the process. */
  escaped: string[];
  /** Errors that reached `onError`. */
  reported: string[];
}

/** What the process holds, in bytes. */
export interface Heap {
  readonly used: number;
  readonly resident: number;
}

const tally: Tally = {
  validated: 0,
  handled: 0,
  tainted: [],
  escaped: [],
  reported: [],
};
process.on("uncaughtException", (error) => tally.escaped.push(String(error)));
process.on("unhandledRejection", (error) => tally.escaped.push(String(error)));

function counted<I, O>(schema: Schema<I, O>): Schema<I, O> {
  const standard = schema["~standard"];
  const validate = (value: unknown) => {
    tally.validated++;
    return standard.validate(value);
  };
  return { "~standard": { ...standard, validate } };
}

const text = z.object({ text: z.string() });
const room = z.object({ room: z.string() });
const anything = z.object({ value: z.any() });

const contract = defineContract({
  shared: {
    clientToServer: {
      echo: { input: counted(text), output: text },
      join: { input: counted(room), output: z.object({ live: z.boolean() }) },
      keep: { input: counted(anything), output: anything },
      misbehave: { input: counted(text), output: text },
      typing: { input: counted(room) },
    },
    serverToClient: {
      message: {
        payload: z.object({ n: z.number(), pad: z.string().optional() }),
      },
      presence: { payload: z.object({ count: z.number() }), subscribe: true },
    },
  },
  roles: {
    user: {},
    agent: {
      clientToServer: { secret: { input: counted(text), output: text } },
      serverToClient: { task: { payload: text, subscribe: true } },
    },
  },
});

const nameOf = (request: Request) =>
  new URL(request.url).searchParams.get("name") ?? "";
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Auth = { readonly role: "user"; readonly ctx: { readonly name: string } };
const options: ServerOptions<(typeof contract)["definition"], Auth> = {
  framesPerSecond: Number(process.env["FRAMES_PER_SECOND"] ?? 1_000_000),
  frameBurst: Number(process.env["FRAME_BURST"] ?? 1_000_000),
  maxSubscriptions: 100,
  heartbeatTimeoutMs: Number(process.env["HEARTBEAT_TIMEOUT_MS"] ?? 90_000),
  handshakesPerSecond: 1_000_000,
  authTimeoutMs: 1_000, // Deno does not tell of a client that goes before the upgrade: its handshake ends then
  maxMessageBytes: 262_144,
  authenticate: async (request) => {
    const name = nameOf(request);
    if (name.startsWith("slow")) await after(30);
    if (name === "slow and refused") throw new Error("late refusal");
    return { role: "user" as const, ctx: { name } };
  },
  authorizeSubscribe: async (topic) => {
    await after(Math.random() * 2);
    return topic === "presence";
  },
  onConnection: async (conn, { name }) => {
    void srv.room("everybody").add(conn);
    if (name === "late hi") await after(60);
    if (name === "hook throws late") {
      await after(5);
      throw new Error("onConnection");
    }
  },
  onDisconnect: async (_conn, { name }) => {
    if (name !== "disconnect throws late") return;
    await after(5);
    throw new Error("onDisconnect");
  },
  onError: (error, { name }) => {
    tally.reported.push(`${name}: ${error}`);
    if (tally.reported.length % 2) throw new Error("onError");
    return Promise.reject(new Error("onError, late"));
  },
};

const onNode = !("Bun" in globalThis || "Deno" in globalThis);
const httpServer = createServer(async (request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(await told(request.url ?? "")));
});
const web = onNode ? undefined : createSocketServer(contract, options);
const srv = web ?? createOnNode(contract, { ...options, server: httpServer });

function seen<T extends object>(schema: z.ZodType, input: T): T {
  tally.handled++;
  const odd = Object.keys(input).length !== 1 ||
    Object.getPrototypeOf(input) !== Object.prototype;
  if (odd || !schema.safeParse(input).success) {
    tally.tainted.push(JSON.stringify(input));
  }
  return input;
}

srv.implement({
  shared: {
    echo: (input) => seen(text, input),
    join: (input, _ctx, conn) => srv.room(seen(room, input).room).add(conn),
    keep: (input) => seen(anything, input),
    typing: (input) => void seen(room, input),
    misbehave: async (input, _ctx, conn) => {
      const how = seen(text, input).text;
      if (how === "throw") throw new Error("handler");
      if (how === "refuse") throw new SocketError("NO", "no", { deep: [1] });
      if (how === "close") conn.close(4000);
      if (how === "never") await new Promise(() => {});
      if (how === "broadcast") {
        for (let n = 0; n < 500; n++) {
          srv.room("everybody").broadcast("message", { n });
        }
      }
      if (how === "flood") await flood();
      await after(10);
      if (how === "late") throw new Error("late");
      return input;
    },
  },
  agent: { secret: (input) => seen(text, input) },
});

/** More than a reader that stopped may have waiting for it, in turns, so that sockets are written to meanwhile. */
async function flood(): Promise<void> {
  const pad = "x".repeat(10_000);
  for (let n = 0; n < 1_600; n++) {
    srv.room("everybody").broadcast("message", { n, pad });
    if (n % 20 === 19) await after(1);
  }
}

/** Collects in several turns: what finalizers and closing handles hold goes only in a later one (4 MB on Node). */
async function heap(): Promise<Heap> {
  const { Bun: onBun, gc } = globalThis as {
    Bun?: { gc(force: boolean): void };
    gc?: () => void; // where the flag is given
  };
  for (let n = 0; n < 5; n++) {
    onBun ? onBun.gc(true) : gc?.();
    await after(20);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { used: heapUsed, resident: rss };
}

/** What a path is answered with, or will be; `undefined` for one that is the socket's. */
function told(path: string): unknown {
  if (path.endsWith("/tally")) return { ...tally, stats: srv.stats() };
  if (path.endsWith("/heap")) return heap();
  if (!path.endsWith("/pause")) return undefined;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
  return {};
}

setInterval(() => srv.publish("presence", { count: 1 }), 5).unref();

process.stdin.on("end", () => process.exit(0)).resume();
const hostname = "127.0.0.1";
const { Deno } = globalThis as { Deno?: DenoServeLike }; // there on Deno
async function answer(request: Request, platform: unknown): Promise<Response> {
  const upgrade = request.headers.has("upgrade"); // its target may be one that makes no URL
  const answer = upgrade ? undefined : await told(request.url);
  if (answer !== undefined) return Response.json(answer);
  return await web?.fetch(request, platform) ?? Response.error();
}
if (!web) {
  httpServer.listen(0, hostname, () => {
    console.log((httpServer.address() as AddressInfo).port); // it listens on TCP
  });
} else if (Deno) {
  const onListen = ({ port }: { port: number }) => console.log(port);
  Deno.serve({ port: 0, hostname, onListen }, answer);
} else {
  const { websocket } = web;
  console.log(Bun.serve({ port: 0, hostname, fetch: answer, websocket }).port);
}
