// What types come out of a contract. Nothing here runs: compiling is the test.
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  type AuthResult,
  type Connection,
  type Contract,
  createSocketServer,
  defineContract,
  type Handlers,
  type Joined,
  type RoleName,
  type Room,
  type SocketServer,
} from "@super-line/edge";
import { type Client, createClient } from "@super-line/edge/client";
import {
  agent,
  type Api,
  api,
  type Auth,
  authenticate,
  srv,
  user,
} from "./fixture.ts";
import { type Same, same } from "./same.ts";

type UserCtx = { user: { id: string; name: string } };
type AgentCtx = { key: string };
type AnyCtx = UserCtx | AgentCtx | undefined;

// --- Names
same<Same<RoleName<Api>, "user" | "agent" | "guest">>();
same<Same<typeof api, Contract<Api>>>();
same<Same<typeof srv, SocketServer<Api, Auth>>>();
same<Same<typeof user, Client<Api, "user">>>();

// --- Handlers
srv.implement({
  shared: {
    typing(input, ctx, conn, call) {
      same<Same<typeof input, { room: string }>>();
      same<Same<typeof ctx, AnyCtx>>();
      same<Same<typeof conn.ctx, AnyCtx>>();
      same<Same<typeof conn.role, "user" | "agent" | "guest">>();
      same<Same<typeof conn.data, { theme: string } | undefined>>();
      same<Same<typeof call.id, number>>();
      same<Same<typeof call.signal, AbortSignal>>();
      conn.emit("message", { from: "", text: "" });
    },
    join: (_input, ctx) => ({ ok: ctx !== undefined && "key" in ctx }),
  },
  user: {
    // What its schema gives back: trimmed, coerced.
    say(input, ctx, conn) {
      same<Same<typeof input, { text: string; loud: boolean }>>();
      same<Same<typeof ctx, UserCtx>>();
      same<Same<typeof conn.role, "user">>();
      same<Same<typeof conn.data, { theme: string }>>();
      conn.emit("invited", { by: ctx.user.name });
      return { id: input.text }; // `at` has a default
    },
    me(input) {
      same<Same<typeof input, undefined>>();
      return Promise.resolve("ada");
    },
    leave(input) {
      same<Same<typeof input, string | undefined>>();
    },
  },
  agent: {
    finish(input, ctx, conn) {
      same<Same<typeof input, number>>();
      same<Same<typeof ctx, AgentCtx>>();
      same<Same<typeof conn.data, undefined>>();
      conn.emit("paged", 1);
      return null;
    },
  },
}).room("a");

// Handlers in modules of their own, with and without the type of ctx.
const users: Handlers<Api, "user", Auth> = {
  say: ({ text }, ctx, conn) => {
    same<Same<typeof ctx, UserCtx>>();
    same<Same<typeof conn, Connection<Api, "user", UserCtx>>>();
    return { id: text, at: 1 };
  },
  me: () => "ada",
  leave: () => {},
};
const sharedHandlers = {
  typing: (_input, ctx) => void same<Same<typeof ctx, AnyCtx>>(),
  join: ({ room }) => ({ ok: room !== "" }),
} satisfies Handlers<Api, "shared", Auth>;
const agents: Handlers<Api, "agent"> = {
  finish: (_input, ctx) => {
    same<Same<typeof ctx, unknown>>();
    return null;
  },
};
srv.implement({ shared: sharedHandlers, user: users, agent: agents });

// --- ctx, of every way in which authenticate is written
const contextOf = <A extends AuthResult<Api>>(
  authenticate: (request: Request) => A | Promise<A>,
) => createSocketServer(api, { authenticate });
contextOf(() => ({ role: "guest" })).implement({
  shared: {
    typing: (_, ctx) => void same<Same<typeof ctx, undefined>>(),
    join: () => ({ ok: true }),
  },
  user: users as Handlers<Api, "user", never>,
  agent: agents,
});
declare const mayHaveCtx: { role: "agent"; ctx?: AgentCtx };
contextOf(() => mayHaveCtx).implement({
  shared: {
    typing: (_, ctx) => void same<Same<typeof ctx, AgentCtx | undefined>>(),
    join: () => ({ ok: true }),
  },
  user: users as Handlers<Api, "user", never>,
  agent: {
    finish: (_, ctx) => {
      same<Same<typeof ctx, AgentCtx | undefined>>();
      return null;
    },
  },
});
contextOf(async ({ url }) => {
  await Promise.resolve();
  return url === ""
    ? { role: "agent", ctx: { key: url } }
    : { role: "guest", ctx: 1 };
}).implement({
  shared: {
    typing: (_, ctx) => void same<Same<typeof ctx, AgentCtx | number>>(),
    join: () => ({ ok: true }),
  },
  user: users as Handlers<Api, "user", never>,
  agent: {
    finish: (_, ctx) => {
      same<Same<typeof ctx, AgentCtx>>();
      return null;
    },
  },
});

// --- Options
createSocketServer(api, {
  authenticate,
  onConnection(conn, ctx) {
    same<Same<typeof ctx, AnyCtx>>();
    same<
      Same<typeof conn, Connection<Api, "user" | "agent" | "guest", AnyCtx>>
    >();
  },
  onDisconnect(_conn, ctx, code) {
    same<Same<typeof ctx, AnyCtx>>();
    same<Same<typeof code, number>>();
  },
  authorizeSubscribe(topic, ctx, _conn, params) {
    same<
      Same<typeof topic, "presence" | "order" | "trade" | "status" | "task">
    >();
    same<Same<typeof ctx, AnyCtx>>();
    same<
      Same<
        typeof params,
        | { id: string; page?: number | undefined }
        | { symbol: string }
        | undefined
      >
    >();
    return true;
  },
  async use(ctx, { kind, name, conn }, next) {
    same<Same<typeof ctx, AnyCtx>>();
    same<Same<typeof kind, "request" | "signal" | "subscribe">>();
    same<Same<typeof name, string>>();
    same<Same<typeof conn.ctx, AnyCtx>>();
    await next();
  },
  onError: (error) => void same<Same<typeof error, unknown>>(),
  refresh: (token, conn) => ({
    role: conn.role,
    expiresAt: Number(token),
  }),
});
// Topic by topic.
createSocketServer(api, {
  authenticate,
  authorizeSubscribe: {
    shared: {
      presence: true,
      trade: ({ symbol }) => symbol !== "",
      order: async ({ id, page = 1 }, ctx, conn) => {
        same<Same<typeof id, string>>();
        same<Same<typeof page, number>>();
        same<Same<typeof ctx, AnyCtx>>();
        same<Same<typeof conn.role, "user" | "agent" | "guest">>();
        return await Promise.resolve(id !== "");
      },
    },
    user: {
      status: (params, ctx) => {
        same<Same<typeof params, undefined>>();
        same<Same<typeof ctx, UserCtx>>();
        return true;
      },
    },
    agent: {
      task: true,
      status: (_params, { key }, conn) => {
        same<Same<typeof conn, Connection<Api, "agent", AgentCtx>>>();
        return key === "";
      },
    },
  },
});
// A hook may be asynchronous, and use the server that it is an option of.
const circular = createSocketServer(api, {
  authenticate,
  onConnection: async (conn) => {
    await circular.room("lobby").add(conn);
  },
});
same<Same<typeof circular, SocketServer<Api, Auth>>>();

// --- Sending: what the schema takes
const room = srv.room("a");
same<Same<typeof room, Room<Api>>>();
same<Same<ReturnType<typeof room.add>, Promise<Joined>>>();
room.broadcast("message", { from: "ada", text: "hi" });
srv.toConn("n.1").emit("message", { from: "ada", text: "hi" });
srv.toConn("n.1", "user").emit("invited", { by: "ada" });
srv.toRole("agent").emit("message", { from: "ada", text: "hi" });
srv.toRole("agent").emit("paged", 1);
srv.publish("presence", { room: "a", count: 1 });
same<Same<ReturnType<typeof plain>, void>>();
const plain = () => srv.publish("order", { id: "1" }, { state: "packed" });
export async function kept(): Promise<void> {
  const { kept } = await srv.publish("trade", { symbol: "A" }, { price: 1 }, {
    id: "1",
  });
  same<Same<typeof kept, boolean | "unknown">>();
}
srv.snapshot("trade", async ({ symbol }, ctx, conn) => {
  same<Same<typeof symbol, string>>();
  same<Same<typeof ctx, AnyCtx>>();
  same<Same<typeof conn.role, "user" | "agent" | "guest">>();
  return await Promise.resolve([1]);
});
const sub = user.subscribe("trade", { symbol: "A" }, ({ price }) => {
  same<Same<typeof price, number>>();
}, {
  onSnapshot: (all) => void same<Same<typeof all, number[]>>(),
  onGap: () => {},
  after: "",
  replay: 1,
});
same<Same<typeof sub.position, string | undefined>>();
srv.forRole("user").publish("status", "away");
srv.forRole("agent").publish("status", 1);
srv.emitServer("rebalance", { shard: "3" }); // coerced
const off = srv.onServer("rebalance", ({ shard }) => {
  same<Same<typeof shard, number>>();
});
same<Same<typeof off.ready, Promise<Joined>>>();
srv.onServer("load", async ({ of }) => {
  same<Same<typeof of, string>>();
  return await Promise.resolve(1);
});
for (const conn of srv.local.connections) conn.close(4409, "bye");

// --- Clients: what the schema takes, and what it gives back
export async function calls(): Promise<void> {
  const said = await user.say({ text: "hi", loud: "yes" }, { timeoutMs: 1 });
  same<Same<typeof said, { id: string; at: number }>>();
  const name = await user.me(); // no input, none to pass
  same<Same<typeof name, string>>();
  await user.me(undefined, { signal: AbortSignal.abort() });
  const nothing = user.typing({ room: "a" });
  same<Same<typeof nothing, void>>();
  user.leave();
  user.leave("a");
  same<Same<Awaited<ReturnType<typeof agent.finish>>, null>>();
  same<Same<typeof user.role, "user">>();
  same<Same<typeof user.id, string | undefined>>();
}
user.on("message", (message) => {
  same<Same<typeof message, { from: string; text: string }>>();
});
user.on("invited", ({ by }) => void same<Same<typeof by, string>>());
user.subscribe("status", (status) => void same<Same<typeof status, string>>());
agent.subscribe("status", (status) => void same<Same<typeof status, number>>());
user.subscribe("order", { id: "1", page: 2 }, (order) => {
  same<Same<typeof order, { state: string }>>();
}, { onError: (error) => void same<Same<typeof error, unknown>>() });
user.onGap(({ dropped }) => void same<Same<typeof dropped, number>>());

// --- Questions: what the schema takes, and what it gives back
export async function questions(): Promise<void> {
  const sure = await srv.toConn("n.1").request("confirm", { text: "" });
  same<Same<typeof sure, boolean>>();
  const work = await srv.toConn("n.1", "agent").request("work", 1, {
    timeoutMs: 1,
  });
  same<Same<typeof work, number>>();
  const { answers, missing } = await room.request("confirm", { text: "" });
  same<Same<typeof answers, { id: string; output: boolean }[]>>();
  same<Same<typeof missing, string[]>>();
  const loads = await srv.askServers("load", {});
  same<Same<typeof loads.answers, { nodeId: string; output: number }[]>>();
}
agent.implement({
  work: (n, { signal }) => {
    same<Same<typeof n, number>>();
    same<Same<typeof signal, AbortSignal>>();
    return Promise.resolve(n);
  },
}).implement({ confirm: ({ text }) => text !== "" });

// A function that takes a client of any role.
type Anyone = "user" | "agent" | "guest";
export function follow(client: Client<Api, Anyone>): void {
  client.on("message", ({ text }) => void same<Same<typeof text, string>>());
  client.typing({ room: "a" });
}

follow(user);
follow(agent);

// --- Other schema libraries, side by side
const mixed = defineContract({
  roles: {
    user: {
      data: v.object({ theme: v.optional(v.string(), "light") }),
      clientToServer: {
        valibot: {
          input: v.pipe(v.string(), v.transform(Number)),
          output: v.object({ n: v.number() }),
        },
        arktype: {
          input: type({ text: "string" }),
          output: type("string.numeric.parse"),
        },
      },
      serverToClient: { zod: { payload: z.string().default("") } },
    },
  },
});
const mixedClient = createClient(mixed, { url: "ws://app.test", role: "user" });
const mixedServer = createSocketServer(mixed, {
  authenticate: () => ({ role: "user", data: {} }),
});
mixedServer.implement({
  user: {
    valibot(n, _ctx, conn) {
      same<Same<typeof n, number>>();
      same<Same<typeof conn.data, { theme: string }>>();
      conn.emit("zod", undefined);
      return { n };
    },
    arktype(input) {
      same<Same<typeof input, { text: string }>>();
      return input.text;
    },
  },
});
export async function mixedCalls(): Promise<void> {
  const { n } = await mixedClient.valibot("1");
  same<Same<typeof n, number>>();
  const parsed = await mixedClient.arktype({ text: "1" });
  same<Same<typeof parsed, number>>();
}
