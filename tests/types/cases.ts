// Mistakes that must not compile, each beside its twin without the mistake.

/** Two programs that differ in one mistake, and what the compiler says of it. */
export interface Case {
  readonly name: string;
  readonly good: string;
  readonly bad: string;
  /** The code of the one error. */
  readonly code: number;
  /** What its message names. */
  readonly mentions: readonly string[];
}

/** What every case starts with; `fixture.ts` says what is what. */
export const prelude = `
import { z } from "zod";
import {
  type Connection, createSocketServer, defineContract, type Handlers, type Serializer, settle, SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { type Same, same } from "./same.ts";
import { agent, type Api, api, type Auth, authenticate, srv, user } from "./fixture.ts";

declare const conn: Connection<Api, "user" | "agent" | "guest">;
declare const userConn: Connection<Api, "user">;
declare const everything: Serializer;

const shared = { typing: () => {}, join: () => ({ ok: true }) };
const users: Handlers<Api, "user", Auth> = {
  say: () => ({ id: "1" }), me: () => "ada", leave: () => {},
};
const agents = { finish: () => null };
`;

const url = `url: "ws://app.test"`;
const events = (payload: string, rest = "") =>
  `defineContract({ roles: { user: { serverToClient: { lost: { payload: ${payload} } } } }${rest} });`;

/** A contract with declared errors and a streamed answer, its server `rich` and its client `richClient`. */
const rich = (code: string, yields = "z.number()") => `
const richApi = defineContract({ roles: { user: { clientToServer: {
  bid: { input: z.number(), output: z.null(), errors: { TOO_LOW: z.object({ minimum: z.number() }) } },
  tell: { input: z.string(), yields: ${yields}, output: z.string() },
} } } });
const richServer = createSocketServer(richApi, { authenticate: () => ({ role: "user" as const }) });
const richClient = createClient(richApi, { ${url}, role: "user" });
${code}`;
const bids = (body: string) =>
  rich(`richServer.implement({ user: {
  bid: (_input, _ctx, _conn, call) => { ${body} return null; },
  tell: async function* () { yield 1; return "done"; },
} });`);
const tells = (body: string) =>
  rich(`richServer.implement({ user: {
  bid: () => null,
  tell: async function* () { ${body} },
} });`);
const settled = (body: string) =>
  rich(`const outcome = await settle(richClient.bid(1));
if (outcome.error?.code === "TOO_LOW") { ${body} }`);

/** By what is done wrong. */
export const cases: readonly Case[] = [
  // --- Streams and declared errors
  {
    name: "an error that the entry does not declare",
    good: bids(`if (_input) throw call.error("TOO_LOW", { minimum: 1 });`),
    bad: bids(`if (_input) throw call.error("LATE", { minimum: 1 });`),
    code: 2345,
    mentions: ['"LATE"', '"TOO_LOW"'],
  },
  {
    name: "a declared error with other data",
    good: bids(`if (_input) throw call.error("TOO_LOW", { minimum: 1 });`),
    bad: bids(`if (_input) throw call.error("TOO_LOW", { least: 1 });`),
    code: 2353,
    mentions: ["least"],
  },
  {
    name: "error on the call of an entry that declares none",
    good: tells(`yield 1; return "done";`),
    bad: rich(`richServer.implement({ user: {
  bid: () => null,
  tell: async function* (_input, _ctx, _conn, call) { yield 1; throw call.error("LATE"); },
} });`),
    code: 2339,
    mentions: ["'error'", "CallInfo"],
  },
  {
    name: "what the data of a declared error has not",
    good: settled(`outcome.error.data.minimum.toFixed();`),
    bad: settled(`outcome.error.data.least;`),
    code: 2339,
    mentions: ["least", "minimum"],
  },
  {
    name: "a code that the entry does not declare",
    good: settled(""),
    bad: rich(`const outcome = await settle(richClient.bid(1));
if (outcome.error?.code === "LATE") {}`),
    code: 2367,
    mentions: ['"LATE"', '"TOO_LOW"'],
  },
  {
    name: "an item of another type in a loop",
    good: rich(
      `for await (const n of richClient.tell("")) n.toFixed();
(await richClient.tell("").result).trim();`,
    ),
    bad: rich(`for await (const n of richClient.tell("")) n.trim();`),
    code: 2339,
    mentions: ["'trim'", "'number'"],
  },
  {
    name: "a generator whose items are of another type",
    good: tells(`yield 1; return "done";`),
    bad: tells(`yield "one"; return "done";`),
    code: 2322,
    mentions: ["string", "number"],
  },
  {
    name: "an item with a Date in it over JSON",
    good: rich("", "z.object({ at: z.string() })"),
    bad: rich("", "z.object({ at: z.date() })").replace(
      /const richServer[^]*$/,
      "",
    ),
    code: 2375,
    mentions: ["Cannot carry the items of 'user.tell' over JSON"],
  },
  // --- Roles
  {
    name: "a client of a role that the contract has not",
    good: `createClient(api, { ${url}, role: "agent" });`,
    bad: `createClient(api, { ${url}, role: "admin" });`,
    code: 2322,
    mentions: ['"user" | "agent" | "guest"'],
  },
  {
    name: "a client without a role",
    good: `createClient(api, { ${url}, role: "user" });`,
    bad: `createClient(api, { ${url} });`,
    code: 2345,
    mentions: ["role"],
  },
  {
    name: "forRole of a role that the contract has not",
    good: `srv.forRole("agent");`,
    bad: `srv.forRole("admin");`,
    code: 2345,
    mentions: ["admin"],
  },
  {
    name: "forRole of shared",
    good: `srv.forRole("user");`,
    bad: `srv.forRole("shared");`,
    code: 2345,
    mentions: ["shared"],
  },
  {
    name: "authenticate returning a role that the contract has not",
    good:
      `createSocketServer(api, { authenticate: () => ({ role: "guest" }) });`,
    bad:
      `createSocketServer(api, { authenticate: () => ({ role: "admin" }) });`,
    code: 2322,
    mentions: ['"user" | "agent" | "guest"'],
  },
  {
    name: "authenticate returning one wrong role among right ones",
    good:
      `createSocketServer(api, { authenticate: ({ url }) => url ? { role: "guest" } : { role: "agent" } });`,
    bad:
      `createSocketServer(api, { authenticate: ({ url }) => url ? { role: "guest" } : { role: "admin" } });`,
    code: 2322,
    mentions: ["admin", '"user" | "agent" | "guest"'],
  },
  {
    name: "authenticate without the data that the role has a schema for",
    good:
      `createSocketServer(api, { authenticate: () => ({ role: "user", data: { theme: "dark" } }) });`,
    bad: `createSocketServer(api, { authenticate: () => ({ role: "user" }) });`,
    code: 2322,
    mentions: ["data"],
  },
  {
    name: "authenticate with data of another type",
    good:
      `createSocketServer(api, { authenticate: () => ({ role: "user", data: { theme: "dark" } }) });`,
    bad:
      `createSocketServer(api, { authenticate: () => ({ role: "user", data: { theme: 1 } }) });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "authenticate with data for a role without a schema for it",
    good:
      `createSocketServer(api, { authenticate: () => ({ role: "guest" }) });`,
    bad:
      `createSocketServer(api, { authenticate: () => ({ role: "guest", data: { theme: "dark" } }) });`,
    code: 2322,
    mentions: ["data"],
  },
  {
    name: "a server without authenticate",
    good: `createSocketServer(api, { authenticate, path: "/" });`,
    bad: `createSocketServer(api, { path: "/" });`,
    code: 2345,
    mentions: ["authenticate"],
  },
  {
    name: "an option that no server has",
    good: `createSocketServer(api, { authenticate, limits: { maxRooms: 1 } });`,
    bad: `createSocketServer(api, { authenticate, limits: { maxRoom: 1 } });`,
    code: 2561,
    mentions: ["maxRoom", "maxRooms"],
  },

  // --- Handlers
  {
    name: "a missing handler of shared",
    good: `srv.implement({ shared, user: users, agent: agents });`,
    bad:
      `srv.implement({ shared: { typing: () => {} }, user: users, agent: agents });`,
    code: 2741,
    mentions: ["join"],
  },
  {
    name: "a missing handler of a role",
    good:
      `srv.implement({ shared, agent: agents, user: { say: () => ({ id: "1" }), me: () => "", leave() {} } });`,
    bad:
      `srv.implement({ shared, agent: agents, user: { me: () => "", leave() {} } });`,
    code: 2741,
    mentions: ["say"],
  },
  {
    name: "a missing block",
    good: `srv.implement({ shared, user: users, agent: agents });`,
    bad: `srv.implement({ shared, user: users });`,
    code: 2345,
    mentions: ["agent"],
  },
  {
    name: "a handler without an entry",
    good:
      `srv.implement({ shared, user: users, agent: { finish: () => null } });`,
    bad:
      `srv.implement({ shared, user: users, agent: { finish: () => null, start: () => null } });`,
    code: 2353,
    mentions: ["start"],
  },
  {
    name: "a handler for a role without entries",
    good: `srv.implement({ shared, user: users, agent: agents, guest: {} });`,
    bad:
      `srv.implement({ shared, user: users, agent: agents, guest: { say: () => {} } });`,
    code: 2322,
    mentions: ["never"],
  },
  {
    name: "a block for a role that the contract has not",
    good: `srv.implement({ shared, user: users, agent: agents });`,
    bad: `srv.implement({ shared, user: users, agent: agents, admin: {} });`,
    code: 2353,
    mentions: ["admin"],
  },
  {
    name: "a handler that answers with another type",
    good:
      `srv.implement({ shared: { ...shared, join: () => ({ ok: true }) }, user: users, agent: agents });`,
    bad:
      `srv.implement({ shared: { ...shared, join: () => ({ ok: "yes" }) }, user: users, agent: agents });`,
    code: 2322,
    mentions: ["string", "boolean"],
  },
  {
    name: "a handler that answers nothing",
    good:
      `srv.implement({ shared: { ...shared, join: async () => ({ ok: true }) }, user: users, agent: agents });`,
    bad:
      `srv.implement({ shared: { ...shared, join: async () => {} }, user: users, agent: agents });`,
    code: 2322,
    mentions: ["void", "ok"],
  },
  {
    name: "a handler that reads what its input has not",
    good:
      `srv.implement({ shared: { ...shared, join: ({ room }) => ({ ok: room === "" }) }, user: users, agent: agents });`,
    bad:
      `srv.implement({ shared: { ...shared, join: ({ roam }) => ({ ok: roam === "" }) }, user: users, agent: agents });`,
    code: 2339,
    mentions: ["roam"],
  },
  {
    name: "a handler of a split module that reads what its input has not",
    good:
      `export const h: Handlers<Api, "user", Auth> = { ...users, say: ({ text }) => ({ id: text }) };`,
    bad:
      `export const h: Handlers<Api, "user", Auth> = { ...users, say: ({ txt }) => ({ id: txt }) };`,
    code: 2339,
    mentions: ["txt"],
  },
  {
    name: "handlers of a split module without one",
    good: `export const h: Handlers<Api, "agent"> = { finish: () => null };`,
    bad: `export const h: Handlers<Api, "agent"> = {};`,
    code: 2741,
    mentions: ["finish"],
  },
  {
    name: "a role's ctx in a handler of shared",
    good:
      `srv.implement({ user: users, agent: agents, shared: { ...shared, join: (_, ctx) => ({ ok: ctx !== undefined && "user" in ctx && ctx.user.id === "1" }) } });`,
    bad:
      `srv.implement({ user: users, agent: agents, shared: { ...shared, join: (_, ctx) => ({ ok: ctx?.user.id === "1" }) } });`,
    code: 2339,
    mentions: ["user", "key"],
  },
  {
    name: "another role's ctx in a role's handler",
    good:
      `srv.implement({ shared, user: users, agent: { finish: (_, ctx) => ctx.key === "" ? null : null } });`,
    bad:
      `srv.implement({ shared, user: users, agent: { finish: (_, ctx) => ctx.user === "" ? null : null } });`,
    code: 2339,
    mentions: ["user", "key"],
  },

  // --- What the server sends
  {
    name: "a role's topic through publish",
    good: `srv.forRole("agent").publish("task", { prompt: "" });`,
    bad: `srv.publish("task", { prompt: "" });`,
    code: 2345,
    mentions: ["task", "presence"],
  },
  {
    name: "a shared topic through forRole",
    good: `srv.publish("presence", { room: "a", count: 1 });`,
    bad: `srv.forRole("agent").publish("presence", { room: "a", count: 1 });`,
    code: 2345,
    mentions: ['"status" | "task"'],
  },
  {
    name: "another role's topic through forRole",
    good: `srv.forRole("agent").publish("task", { prompt: "" });`,
    bad: `srv.forRole("user").publish("task", { prompt: "" });`,
    code: 2345,
    mentions: ["task"],
  },
  {
    name: "a role's event through forRole.publish",
    good: `srv.forRole("agent").publish("task", { prompt: "" });`,
    bad: `srv.forRole("agent").publish("paged", 1);`,
    code: 2345,
    mentions: ["paged"],
  },
  {
    name: "the payload of another role's topic of the same name",
    good: `srv.forRole("user").publish("status", "away");`,
    bad: `srv.forRole("user").publish("status", 1);`,
    code: 2345,
    mentions: ["number", "string"],
  },
  {
    name: "an event through publish",
    good: `srv.room("a").broadcast("message", { from: "", text: "" });`,
    bad: `srv.publish("message", { from: "", text: "" });`,
    code: 2345,
    mentions: ["message", "presence"],
  },
  {
    name: "a payload of publish with a wrong member",
    good: `srv.publish("presence", { room: "a", count: 1 });`,
    bad: `srv.publish("presence", { room: "a", count: "1" });`,
    code: 2322,
    mentions: ["string", "number"],
  },
  {
    name: "an event that is not shared through broadcast",
    good: `srv.room("a").broadcast("message", { from: "", text: "" });`,
    bad: `srv.room("a").broadcast("invited", { by: "" });`,
    code: 2345,
    mentions: ["invited", "message"],
  },
  {
    name: "a topic through broadcast",
    good: `srv.publish("presence", { room: "a", count: 1 });`,
    bad: `srv.room("a").broadcast("presence", { room: "a", count: 1 });`,
    code: 2345,
    mentions: ["presence", "message"],
  },
  {
    name: "a payload of broadcast that lacks a member",
    good: `srv.room("a").broadcast("message", { from: "", text: "" });`,
    bad: `srv.room("a").broadcast("message", { from: "" });`,
    code: 2345,
    mentions: ["text"],
  },
  {
    name: "another role's event through emit",
    good: `userConn.emit("invited", { by: "" });`,
    bad: `userConn.emit("paged", 1);`,
    code: 2345,
    mentions: ['"message" | "invited"'],
  },
  {
    name: "a role's event to a connection of any role",
    good: `conn.emit("message", { from: "", text: "" });`,
    bad: `conn.emit("invited", { by: "" });`,
    code: 2345,
    mentions: ["invited", "message"],
  },
  {
    name: "a topic through emit",
    good: `userConn.emit("message", { from: "", text: "" });`,
    bad: `userConn.emit("presence", { room: "a", count: 1 });`,
    code: 2345,
    mentions: ["presence"],
  },
  {
    name: "a payload of emit of another type",
    good: `userConn.emit("invited", { by: "ada" });`,
    bad: `userConn.emit("invited", { by: 1 });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "a role's event to a connection whose role is not named",
    good: `srv.toConn("n.1").emit("message", { from: "", text: "" });`,
    bad: `srv.toConn("n.1").emit("invited", { by: "ada" });`,
    code: 2345,
    mentions: ["toConn(id, 'user')"],
  },
  {
    name: "another role's event to a connection of a named role",
    good: `srv.toConn("n.1", "user").emit("invited", { by: "ada" });`,
    bad: `srv.toConn("n.1", "agent").emit("invited", { by: "ada" });`,
    code: 2345,
    mentions: ["invited"],
  },
  {
    name: "a topic to a user",
    good: `srv.toUser("1").emit("message", { from: "", text: "" });`,
    bad: `srv.toUser("1").emit("presence", { room: "a", count: 1 });`,
    code: 2345,
    mentions: ["presence"],
  },
  {
    name: "a payload of another type to a role",
    good: `srv.toRole("agent").emit("paged", 1);`,
    bad: `srv.toRole("agent").emit("paged", "1");`,
    code: 2345,
    mentions: ["string", "number"],
  },
  {
    name: "a question whose input is of another type",
    good: `srv.toConn("n.1").request("confirm", { text: "" });`,
    bad: `srv.toConn("n.1").request("confirm", { text: 1 });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "a role's question to a connection whose role is not named",
    good: `srv.toConn("n.1", "agent").request("work", 1);`,
    bad: `srv.toConn("n.1").request("work", 1);`,
    code: 2345,
    mentions: ["toConn(id, 'agent')"],
  },
  {
    name: "a question through emit",
    good: `srv.toConn("n.1", "user").request("confirm", { text: "" });`,
    bad: `userConn.emit("confirm", { text: "" });`,
    code: 2345,
    mentions: ["confirm"],
  },
  {
    name: "an event through request",
    good: `userConn.emit("message", { from: "", text: "" });`,
    bad:
      `srv.toConn("n.1", "user").request("message", { from: "", text: "" });`,
    code: 2345,
    mentions: ["message", "confirm"],
  },
  {
    name: "a role's question to a room",
    good: `srv.room("a").request("confirm", { text: "" });`,
    bad: `srv.room("a").request("work", 1);`,
    code: 2345,
    mentions: ["work"],
  },
  {
    name: "an answer of another type",
    good: `user.implement({ confirm: ({ text }) => text !== "" });`,
    bad: `user.implement({ confirm: ({ text }) => text });`,
    code: 2322,
    mentions: ["string", "boolean"],
  },
  {
    name: "an answer to another role's question",
    good: `agent.implement({ work: (n) => n });`,
    bad: `user.implement({ work: (n: number) => n });`,
    code: 2322,
    mentions: ["Not a question of role 'user'"],
  },
  {
    name: "listening to a question",
    good: `user.on("message", () => {});`,
    bad: `user.on("confirm", () => {});`,
    code: 2345,
    mentions: ["confirm"],
  },
  {
    name: "a question between nodes through emitServer",
    good: `srv.askServers("load", { of: "cpu" });`,
    bad: `srv.emitServer("load", { of: "cpu" });`,
    code: 2345,
    mentions: ["load", "rebalance"],
  },
  {
    name: "an event between nodes through askServers",
    good: `srv.emitServer("rebalance", { shard: 1 });`,
    bad: `srv.askServers("rebalance", { shard: 1 });`,
    code: 2345,
    mentions: ["rebalance", "load"],
  },
  {
    name: "a node's answer of another type",
    good: `srv.onServer("load", ({ of }) => of.length);`,
    bad: `srv.onServer("load", ({ of }) => of);`,
    code: 2322,
    mentions: ["string", "number"],
  },
  {
    name: "a question with a Date in it over JSON",
    good:
      `defineContract({ roles: { a: { serverToClient: { when: { input: z.string(), output: z.string() } } } } });`,
    bad:
      `defineContract({ roles: { a: { serverToClient: { when: { input: z.date(), output: z.string() } } } } });`,
    code: 2375,
    mentions: ["the input of 'a.when'"],
  },
  {
    name: "an answer with a Date in it over JSON",
    good:
      `defineContract({ roles: { a: { serverToClient: { when: { input: z.string(), output: z.coerce.date<string>() } } } } });`,
    bad:
      `defineContract({ roles: { a: { serverToClient: { when: { input: z.string(), output: z.date() } } } } });`,
    code: 2375,
    mentions: ["the output of 'a.when'"],
  },
  {
    name: "a node's answer with a Date in it over JSON",
    good:
      `defineContract({ roles: { a: {} }, serverToServer: { when: { input: z.string(), output: z.string() } } });`,
    bad:
      `defineContract({ roles: { a: {} }, serverToServer: { when: { input: z.string(), output: z.date() } } });`,
    code: 2375,
    mentions: ["the output of 'serverToServer.when'"],
  },
  {
    name: "a role's event to the rest of a room",
    good:
      `srv.room("a").except(conn).broadcast("message", { from: "", text: "" });`,
    bad: `srv.room("a").except(conn).broadcast("paged", 1);`,
    code: 2345,
    mentions: ["paged"],
  },
  {
    name: "an identify that gives no text",
    good:
      `createSocketServer(api, { authenticate, identify: ({ ctx }) => ctx && "user" in ctx ? ctx.user.id : undefined });`,
    bad: `createSocketServer(api, { authenticate, identify: () => 1 });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "a server event that the contract has not",
    good: `srv.emitServer("rebalance", { shard: 1 });`,
    bad: `srv.emitServer("balance", { shard: 1 });`,
    code: 2345,
    mentions: ["balance", "rebalance"],
  },
  {
    name: "a listener of a server event that the contract has not",
    good: `srv.onServer("rebalance", () => {});`,
    bad: `srv.onServer("message", () => {});`,
    code: 2345,
    mentions: ["message", "rebalance"],
  },
  {
    name: "a server event's payload with another member",
    good: `srv.emitServer("rebalance", { shard: 1 });`,
    bad: `srv.emitServer("rebalance", { shards: 1 });`,
    code: 2561,
    mentions: ["shards"],
  },
  {
    name: "any server event of a contract that has none",
    good:
      `createSocketServer(defineContract({ roles: { a: {} }, serverToServer: { x: z.number() } }), { authenticate: () => ({ role: "a" }) }).emitServer("x", 1);`,
    bad:
      `createSocketServer(defineContract({ roles: { a: {} } }), { authenticate: () => ({ role: "a" }) }).emitServer("x", 1);`,
    code: 2345,
    mentions: ["never"],
  },

  // --- Clients
  {
    name: "another role's method on a client",
    good: `agent.finish(1);`,
    bad: `user.finish(1);`,
    code: 2339,
    mentions: ["finish"],
  },
  {
    name: "an input of another type",
    good: `user.join({ room: "a" });`,
    bad: `user.join({ room: 1 });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "an input that is left out",
    good: `user.join({ room: "a" });`,
    bad: `user.join();`,
    code: 2554,
    mentions: ["1-2"],
  },
  {
    name: "an input with a member that nobody reads",
    good: `user.join({ room: "a" });`,
    bad: `user.join({ room: "a", loud: true });`,
    code: 2353,
    mentions: ["loud"],
  },
  {
    name: "options for a signal, which has none",
    good: `user.typing({ room: "a" });`,
    bad: `user.typing({ room: "a" }, { timeoutMs: 1 });`,
    code: 2554,
    mentions: ["1"],
  },
  {
    name: "an answer of a signal",
    good: `user.join({ room: "a" }).then(() => {});`,
    bad: `user.typing({ room: "a" }).then(() => {});`,
    code: 2339,
    mentions: ["then", "void"],
  },
  {
    name: "an option that no call has",
    good: `user.join({ room: "a" }, { timeoutMs: 1 });`,
    bad: `user.join({ room: "a" }, { timeout: 1 });`,
    code: 2561,
    mentions: ["timeout", "timeoutMs"],
  },
  {
    name: "what an answer has not",
    good: `user.join({ room: "a" }).then(({ ok }) => ok);`,
    bad: `user.join({ room: "a" }).then(({ id }) => id);`,
    code: 2339,
    mentions: ["id", "ok"],
  },
  {
    name: "another role's event on a client",
    good: `user.on("invited", () => {});`,
    bad: `user.on("paged", () => {});`,
    code: 2345,
    mentions: ['"message" | "invited"'],
  },
  {
    name: "a topic through on",
    good: `user.subscribe("presence", () => {});`,
    bad: `user.on("presence", () => {});`,
    code: 2345,
    mentions: ["presence"],
  },
  {
    name: "an event through subscribe",
    good: `user.on("message", () => {});`,
    bad: `user.subscribe("message", () => {});`,
    code: 2345,
    mentions: ["message", "presence"],
  },
  {
    name: "subscribe without the params of the topic",
    good: `user.subscribe("order", { id: "1" }, () => {});`,
    bad: `user.subscribe("order", () => {});`,
    code: 2554,
    mentions: ["3-4 arguments"],
  },
  {
    name: "subscribe with a param of another type",
    good: `user.subscribe("order", { id: "1" }, () => {});`,
    bad: `user.subscribe("order", { id: 1 }, () => {});`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "subscribe with a param that the topic has not",
    good: `user.subscribe("order", { id: "1", page: 1 }, () => {});`,
    bad: `user.subscribe("order", { id: "1", pages: 1 }, () => {});`,
    code: 2561,
    mentions: ["pages", "page"],
  },
  {
    name: "subscribe with params for a topic without",
    good: `user.subscribe("presence", () => {});`,
    bad: `user.subscribe("presence", { id: "1" }, () => {});`,
    code: 2353,
    mentions: ["id"],
  },
  {
    name: "publish without the params of the topic",
    good: `srv.publish("order", { id: "1" }, { state: "" });`,
    bad: `srv.publish("order", { state: "" });`,
    code: 2554,
    mentions: ["3 arguments"],
  },
  {
    name: "publish with a param of another type",
    good: `srv.publish("order", { id: "1" }, { state: "" });`,
    bad: `srv.publish("order", { id: 1 }, { state: "" });`,
    code: 2322,
    mentions: ["number", "string"],
  },
  {
    name: "an id for a message of a topic that is not kept",
    good: `srv.publish("trade", { symbol: "" }, { price: 1 }, { id: "1" });`,
    bad: `srv.publish("order", { id: "" }, { state: "" }, { id: "1" });`,
    code: 2554,
    mentions: ["3 arguments"],
  },
  {
    name: "onGap of a topic that is not kept",
    good: `user.subscribe("trade", { symbol: "" }, () => {}, { onGap() {} });`,
    bad: `user.subscribe("order", { id: "" }, () => {}, { onGap() {} });`,
    code: 2353,
    mentions: ["onGap"],
  },
  {
    name: "a snapshot of another type",
    good: `srv.snapshot("trade", () => [1]);`,
    bad: `srv.snapshot("trade", () => ["1"]);`,
    code: 2322,
    mentions: ["string", "number"],
  },
  {
    name: "a snapshot of a topic without one",
    good: `srv.snapshot("trade", () => []);`,
    bad: `srv.snapshot("order", () => []);`,
    code: 2345,
    mentions: ["order"],
  },
  {
    name: "params of a topic that are nested",
    good:
      `defineContract({ roles: { user: {} }, shared: { serverToClient: { order: { payload: z.string(), subscribe: true, params: z.object({ id: z.string() }) } } } });`,
    bad:
      `defineContract({ roles: { user: {} }, shared: { serverToClient: { order: { payload: z.string(), subscribe: true, params: z.object({ id: z.object({ a: z.string() }) }) } } } });`,
    code: 2375,
    mentions: ["The params of 'shared.order' must be a flat object"],
  },
  {
    name:
      "params of a role's topic with a Date, though the contract has a serializer",
    good:
      `defineContract({ serializer: everything, roles: { user: { serverToClient: { day: { payload: z.date(), subscribe: true, params: z.object({ at: z.number() }) } } } } });`,
    bad:
      `defineContract({ serializer: everything, roles: { user: { serverToClient: { day: { payload: z.date(), subscribe: true, params: z.object({ at: z.date() }) } } } } });`,
    code: 2375,
    mentions: ["The params of 'user.day' must be a flat object"],
  },
  {
    name: "another role's topic through subscribe",
    good: `agent.subscribe("task", () => {});`,
    bad: `user.subscribe("task", () => {});`,
    code: 2345,
    mentions: ["task", "presence"],
  },
  {
    name: "what an event's payload has not",
    good: `user.on("message", ({ text }) => text);`,
    bad: `user.on("message", ({ body }) => body);`,
    code: 2339,
    mentions: ["body", "text"],
  },
  {
    name: "a method that nobody declared",
    good: `JSON.stringify(user.state);`,
    bad: `user.shout({ text: "" });`,
    code: 2339,
    mentions: ["shout"],
  },

  // --- Contracts
  {
    name: "an entry that is no kind of entry",
    good:
      `defineContract({ roles: { user: { clientToServer: { say: { input: z.string(), output: z.string() } } } } });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: { say: { output: z.string() } } } } });`,
    code: 2322,
    mentions: ["input"],
  },
  {
    name: "a schema that is no schema",
    good: events("z.string()"),
    bad: events("String"),
    code: 2741,
    mentions: ["~standard"],
  },
  {
    name: "a contract without roles",
    good: `defineContract({ shared: {}, roles: {} });`,
    bad: `defineContract({ shared: {} });`,
    code: 2345,
    mentions: ["roles"],
  },
  {
    name:
      "an answer to another role's question beside a right one, not written in place",
    good: `const answers = { confirm: () => true }; user.implement(answers);`,
    bad:
      `const answers = { confirm: () => true, work: (n: number) => n }; user.implement(answers);`,
    code: 2345,
    mentions: ["Not a question of role 'user'"],
  },
  {
    name: "a misspelt direction beside a right one",
    good: `defineContract({ roles: { user: { clientToServer: {} } } });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: {}, serverToclient: {} } } });`,
    code: 2741,
    mentions: ['"data" | "clientToServer" | "serverToClient"'],
  },
  {
    name: "a misspelt direction of shared beside a right one",
    good:
      `defineContract({ shared: { clientToServer: {} }, roles: { user: {} } });`,
    bad:
      `defineContract({ shared: { clientToServer: {}, serverToclient: {} }, roles: { user: {} } });`,
    code: 2741,
    mentions: ['"clientToServer" | "serverToClient"'],
  },
  {
    name: "serverToServer in a role",
    good: `defineContract({ roles: { user: {} }, serverToServer: {} });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: {}, serverToServer: {} } } });`,
    code: 2741,
    mentions: ["UnknownKeyMustBe"],
  },
  {
    name: "a misspelt key of a contract",
    good: `defineContract({ roles: { user: {} }, serverToServer: {} });`,
    bad: `defineContract({ roles: { user: {} }, serverToSever: {} });`,
    code: 2741,
    mentions: ['"serverToServer"', "UnknownKeyMustBe"],
  },
  {
    name: "a misspelt key of an entry",
    good:
      `defineContract({ roles: { user: { serverToClient: { a: { payload: z.string(), subscribe: true } } } } });`,
    bad:
      `defineContract({ roles: { user: { serverToClient: { a: { payload: z.string(), subscibe: true } } } } });`,
    code: 2322,
    mentions: ["UnknownKeyMustBe", '"subscribe"'],
  },
  {
    name: "a misspelt output, which would make a request a signal",
    good:
      `defineContract({ roles: { user: { clientToServer: { a: { input: z.string(), output: z.string() } } } } });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: { a: { input: z.string(), ouput: z.string() } } } } });`,
    code: 2375,
    mentions: ["UnknownKeyMustBe", '"output"'],
  },
  {
    name: "a block with an unknown direction",
    good: `defineContract({ roles: { user: { serverToClient: {} } } });`,
    bad: `defineContract({ roles: { user: { serverToclient: {} } } });`,
    code: 2561,
    mentions: ["serverToclient"],
  },

  // --- What JSON cannot carry
  {
    name: "an event's payload that is a Date",
    good: events("z.object({ at: z.iso.datetime() })"),
    bad: events("z.object({ at: z.date() })"),
    code: 2375,
    mentions: ["user.lost", "the payload of", "Date"],
  },
  {
    name: "an event's payload that is a Map",
    good: events("z.record(z.string(), z.number())"),
    bad: events("z.map(z.string(), z.number())"),
    code: 2375,
    mentions: ["user.lost", "Map<string, number>"],
  },
  {
    name: "an event's payload that is a Set",
    good: events("z.array(z.string())"),
    bad: events("z.set(z.string())"),
    code: 2375,
    mentions: ["user.lost", "Set<string>"],
  },
  {
    name: "an event's payload with a bigint in an array",
    good: events("z.array(z.object({ n: z.number() }))"),
    bad: events("z.array(z.object({ n: z.bigint() }))"),
    code: 2375,
    mentions: ["user.lost", "bigint"],
  },
  {
    name: "an event's payload that is bytes",
    good: events("z.base64()"),
    bad: events("z.instanceof(Uint8Array)"),
    code: 2375,
    mentions: ["user.lost", "Uint8Array"],
  },
  {
    name: "an event's payload that a transform makes a Date",
    good: events("z.string().transform((text) => text.length)"),
    bad: events("z.string().transform((text) => new Date(text))"),
    code: 2375,
    mentions: ["user.lost", "Date"],
  },
  {
    name: "a topic's payload, optional, that is a Date",
    good:
      `defineContract({ roles: { user: {} }, shared: { serverToClient: { clock: { payload: z.object({ at: z.number().optional() }), subscribe: true } } } });`,
    bad:
      `defineContract({ roles: { user: {} }, shared: { serverToClient: { clock: { payload: z.object({ at: z.date().optional() }), subscribe: true } } } });`,
    code: 2375,
    mentions: ["shared.clock", "the payload of", "Date"],
  },
  {
    name: "a request's output that is a bigint",
    good:
      `defineContract({ roles: { user: { clientToServer: { sum: { input: z.string(), output: z.number() } } } } });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: { sum: { input: z.string(), output: z.bigint() } } } } });`,
    code: 2375,
    mentions: ["user.sum", "the output of", "bigint"],
  },
  {
    name: "a request's input that is a Date",
    good:
      `defineContract({ roles: { user: { clientToServer: { book: { input: z.object({ at: z.coerce.date<string>() }) } } } } });`,
    bad:
      `defineContract({ roles: { user: { clientToServer: { book: { input: z.object({ at: z.date() }) } } } } });`,
    code: 2375,
    mentions: ["user.book", "the input of", "Date"],
  },
  {
    name: "a server event's payload that is a Map",
    good:
      `defineContract({ roles: { user: {} }, serverToServer: { moved: z.array(z.number()) } });`,
    bad:
      `defineContract({ roles: { user: {} }, serverToServer: { moved: z.map(z.string(), z.number()) } });`,
    code: 2375,
    mentions: ["serverToServer.moved", "the payload of", "Map"],
  },
  {
    name: "a Date where no serializer carries it",
    good: events("z.date()", ", serializer: everything"),
    bad: events("z.date()"),
    code: 2375,
    mentions: ["user.lost", "give the contract a serializer"],
  },
  {
    name: "a serializer without decode",
    good: events(
      "z.string()",
      `, serializer: { name: "x", encode: String, decode: String }`,
    ),
    bad: events("z.string()", `, serializer: { name: "x", encode: String }`),
    code: 2741,
    mentions: ["decode"],
  },

  // --- What inference.ts asserts with
  {
    name: "an equality that does not hold",
    good: `same<Same<typeof user.role, "user">>();`,
    bad: `same<Same<typeof user.role, string>>();`,
    code: 2344,
    mentions: ["false", "true"],
  },
  {
    name: "an equality with any",
    good: `same<Same<{ a: unknown }, { a: unknown }>>();`,
    bad: `same<Same<{ a: unknown }, { a: any }>>();`,
    code: 2344,
    mentions: ["false", "true"],
  },

  // --- Hooks
  {
    name: "what no ctx has in onConnection",
    good:
      `createSocketServer(api, { authenticate, onConnection: (conn, ctx) => { conn.close(); void ctx; } });`,
    bad:
      `createSocketServer(api, { authenticate, onConnection: (conn, ctx) => { conn.close(); void ctx?.nobody; } });`,
    code: 2339,
    mentions: ["nobody", "key"],
  },
  {
    name: "a topic that authorizeSubscribe is never asked about",
    good:
      `createSocketServer(api, { authenticate, authorizeSubscribe: (topic) => topic === "task" });`,
    bad:
      `createSocketServer(api, { authenticate, authorizeSubscribe: (topic) => topic === "message" });`,
    code: 2367,
    mentions: ["message", "presence"],
  },
  {
    name: "authorizeSubscribe by block without one of the topics",
    good:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true, order: true }, user: { status: true }, agent: { task: true, status: true } } });`,
    bad:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true }, user: { status: true }, agent: { task: true, status: true } } });`,
    code: 2741,
    mentions: ["order"],
  },
  {
    name: "authorizeSubscribe by block without one of the blocks",
    good:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true, order: () => true }, user: { status: true }, agent: { task: true, status: true } } });`,
    bad:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true, order: () => true }, user: { status: true } } });`,
    code: 2322,
    mentions: ["agent"],
  },
  {
    name: "a parameter that authorizeSubscribe is never given",
    good:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true, order: ({ id }) => id === "" }, user: { status: true }, agent: { task: true, status: true } } });`,
    bad:
      `createSocketServer(api, { authenticate, authorizeSubscribe: { shared: { presence: true, trade: true, order: ({ name }) => name === "" }, user: { status: true }, agent: { task: true, status: true } } });`,
    code: 2339,
    mentions: ["name"],
  },
  {
    name: "middleware that forgets what kinds there are",
    good:
      `createSocketServer(api, { authenticate, use: (_ctx, { kind }, next) => kind === "signal" ? undefined : next() });`,
    bad:
      `createSocketServer(api, { authenticate, use: (_ctx, { kind }, next) => kind === "event" ? undefined : next() });`,
    code: 2367,
    mentions: ["event", "signal"],
  },
  {
    name: "the server's own ctx in conn.data",
    good: `const theme: string = userConn.data.theme;`,
    bad: `const theme: string = userConn.data.name;`,
    code: 2339,
    mentions: ["name", "theme"],
  },
  {
    name: "conn.data of any role without a look at which",
    good:
      `const theme = conn.data === undefined ? "" : conn.data.theme; void theme;`,
    bad: `const theme = conn.data.theme; void theme;`,
    code: 18048,
    mentions: ["conn.data"],
  },
  {
    name: "a write to a connection's role",
    good: `void userConn.role;`,
    bad: `userConn.role = "user";`,
    code: 2540,
    mentions: ["role"],
  },
];
