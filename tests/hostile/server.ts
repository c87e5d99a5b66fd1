/** The server that hostile clients are let loose on, wherever it runs: one a module. */
import { z } from "zod";
import {
  defineContract,
  type Node,
  type Schema,
  type ServerOptions,
  SocketError,
} from "../../mod.ts";

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

/** What this one has to tell. */
export const tally: Tally = {
  validated: 0,
  handled: 0,
  tainted: [],
  escaped: [],
  reported: [],
};
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

export const contract = defineContract({
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
type Server = Node<(typeof contract)["definition"], Auth>;

let srv: Server;

/** Its options; limits may be given by environment. */
export const optionsFrom = (
  env: Record<string, string | undefined>,
): ServerOptions<(typeof contract)["definition"], Auth> => ({
  limits: {
    framesPerSecond: Number(env["FRAMES_PER_SECOND"] ?? 1_000_000),
    frameBurst: Number(env["FRAME_BURST"] ?? 1_000_000),
    bytesPerSecond: 1e12,
    maxSubscriptions: 100,
    handshakesPerSecond: 1_000_000,
    maxMessageBytes: 262_144,
  },
  heartbeatTimeoutMs: Number(env["HEARTBEAT_TIMEOUT_MS"] ?? 90_000),
  authTimeoutMs: Number(env["AUTH_TIMEOUT_MS"] ?? 1_000), // Deno does not tell of a client that goes before the upgrade: its handshake ends then
  admit: ({ request }) => !nameOf(request).startsWith("flood"),
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
});

function seen<T extends object>(schema: z.ZodType, input: T): T {
  tally.handled++;
  const odd = Object.keys(input).length !== 1 ||
    Object.getPrototypeOf(input) !== Object.prototype;
  if (odd || !schema.safeParse(input).success) {
    tally.tainted.push(JSON.stringify(input));
  }
  return input;
}

/** Implements the contract, and begins to publish. */
export function implement(server: Server): void {
  srv = server;
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
  setInterval(() => srv.publish("presence", { count: 1 }), 5);
}

/** More than a reader that stopped may have waiting for it, in turns, so that sockets are written to meanwhile. */
async function flood(): Promise<void> {
  const pad = "x".repeat(10_000);
  for (let n = 0; n < 1_600; n++) {
    srv.room("everybody").broadcast("message", { n, pad });
    if (n % 20 === 19) await after(1);
  }
}
