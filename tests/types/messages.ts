// What the compiler says of the mistakes of an ordinary day, word for word.

/** A program with one mistake, and the message for it. */
export interface Mistake {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** A contract without a name, and the same one as `Api`. */
export const contract = `
import { z } from "zod";
import { type Contract, createSocketServer, defineContract, type DefinitionOf } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

export const contract = defineContract({
  shared: {
    clientToServer: { join: { input: z.object({ room: z.string() }), output: z.object({ ok: z.boolean() }) } },
    serverToClient: {
      message: { payload: z.object({ from: z.string(), text: z.string() }) },
      left: { payload: z.string() },
      presence: { payload: z.number(), subscribe: true },
      confirm: { input: z.string(), output: z.boolean() },
    },
  },
  roles: {
    user: { data: z.object({ theme: z.string() }), serverToClient: { invited: { payload: z.string() } } },
    agent: {
      clientToServer: { finish: { input: z.number(), output: z.null() } },
      serverToClient: { task: { payload: z.string(), subscribe: true }, work: { input: z.number(), output: z.number() } },
    },
    guest: {},
  },
  serverToServer: { rebalance: z.number(), load: { input: z.string(), output: z.number() } },
});
export interface Api extends DefinitionOf<typeof contract> {}
export const api: Contract<Api> = contract;

export const authenticate = () => ({ role: "guest" as const });
const url = "ws://app.test";
export const anonymous = {
  srv: createSocketServer(contract, { authenticate }),
  user: createClient(contract, { url, role: "user" }),
};
export const srv = createSocketServer(api, { authenticate });
export const user = createClient(api, { url, role: "user" });
`;

/** What every program starts with. */
export const prelude =
  `import { z } from "zod"; import { createSocketServer, defineContract } from "@super-line/edge"; import { createClient } from "@super-line/edge/client"; import { anonymous, api, contract, srv, user } from "./contract.ts";\n`;

const argument = (given: string, taken: string) =>
  `Argument of type '"${given}"' is not assignable to parameter of type '${taken}'.`;

const flaw =
  "Cannot carry the payload of 'user.lost' over JSON: change its type, or give the contract a serializer";

/** A wrong name prints the valid ones, with a contract that has no name. */
export const names: readonly Mistake[] = [
  {
    name: "an event to a room",
    code: `anonymous.srv.room("a").broadcast("mesage", "");`,
    message: argument("mesage", '"message" | "left"'),
  },
  {
    name: "an event to a role",
    code: `anonymous.srv.toRole("user").emit("invite", "");`,
    message: argument("invite", '"message" | "left" | "invited"'),
  },
  {
    name: "an event that a client listens to",
    code: `anonymous.user.on("mesage", () => {});`,
    message: argument("mesage", '"message" | "left" | "invited"'),
  },
  {
    name: "a topic that the server publishes",
    code: `anonymous.srv.publish("presense", 1);`,
    message: argument("presense", '"presence"'),
  },
  {
    name: "a role's topic that the server publishes",
    code: `anonymous.srv.forRole("agent").publish("tasks", "");`,
    message: argument("tasks", '"task"'),
  },
  {
    name: "a topic that a client subscribes to",
    code: `anonymous.user.subscribe("task", () => {});`,
    message: argument("task", '"presence"'),
  },
  {
    name: "a question to a room",
    code: `anonymous.srv.room("a").request("work", 1);`,
    message: argument("work", '"confirm"'),
  },
  {
    name: "a question to a connection of a role",
    code: `anonymous.srv.toConn("n.1", "agent").request("wrok", 1);`,
    message: argument("wrok", '"confirm" | "work"'),
  },
  {
    name: "a role's own question without the role",
    code: `anonymous.srv.toConn("n.1").request("work", 1);`,
    message: argument("work", `"Give the role: toConn(id, 'agent')"`),
  },
  {
    name: "a role's own event without the role",
    code: `anonymous.srv.toConn("n.1").emit("invited", "");`,
    message: argument("invited", `"Give the role: toConn(id, 'user')"`),
  },
  {
    name: "a question between nodes",
    code: `anonymous.srv.askServers("lod", "");`,
    message: argument("lod", '"load"'),
  },
  {
    name: "an event between nodes",
    code: `anonymous.srv.emitServer("balance", 1);`,
    message: argument("balance", '"rebalance"'),
  },
  {
    name: "a role of the server",
    code: `anonymous.srv.forRole("admin");`,
    message: argument("admin", '"user" | "agent" | "guest"'),
  },
  {
    name: "a role of a client",
    code: `createClient(contract, { url: "", role: "admin" });`,
    message:
      `Type '"admin"' is not assignable to type '"user" | "agent" | "guest"'.`,
  },
  {
    name: "another role's question in a client's implement",
    code: `anonymous.user.implement({ work: (n: number) => n });`,
    message:
      `Type '(n: number) => number' is not assignable to type '"Not a question of role 'user'"'.`,
  },
  {
    name: "a key that no contract has",
    code: `defineContract({ roles: { user: {} }, serverToSever: {} });`,
    message:
      `Property '"unknown key, must be one of"' is missing in type '{}' but required in type 'UnknownKeyMustBe<"shared" | "roles" | "serverToServer" | "serializer">'.`,
  },
];

/** The eight mistakes of an ordinary day, with a contract that has a name. */
export const mistakes: readonly Mistake[] = [
  {
    name: "a wrong event name",
    code: `srv.room("a").broadcast("mesage", "");`,
    message: argument("mesage", '"message" | "left"'),
  },
  {
    name: "a wrong payload field",
    code: `srv.room("a").broadcast("message", { from: "", txt: "" });`,
    message:
      `Object literal may only specify known properties, but 'txt' does not exist in type '{ from: string; text: string; }'. Did you mean to write 'text'?`,
  },
  {
    name: "a missing handler",
    code: `srv.implement({ shared: {}, agent: { finish: () => null } });`,
    message:
      `Property 'join' is missing in type '{}' but required in type 'Handlers<Api, "shared", { role: "guest"; }>'.`,
  },
  {
    name: "a wrong handler output",
    code:
      `srv.implement({ shared: { join: () => ({ ok: "yes" }) }, agent: { finish: () => null } });`,
    message: `Type 'string' is not assignable to type 'boolean'.`,
  },
  {
    name: "a subscription to an event",
    code: `user.subscribe("message", () => {});`,
    message: argument("message", '"presence"'),
  },
  {
    name: "another role's entry",
    code: `user.finish(1);`,
    message: `Property 'finish' does not exist on type 'Client<Api, "user">'.`,
  },
  {
    name: "a Date in a JSON payload",
    code:
      `defineContract({ roles: { user: { serverToClient: { lost: { payload: z.object({ at: z.date() }) } } } } });`,
    message:
      `Type 'ZodObject<{ at: ZodDate; }, $strip>' is not assignable to type 'ZodObject<{ at: ZodDate; }, $strip> & { readonly "${flaw}": Date; }' with 'exactOptionalPropertyTypes: true'. Consider adding 'undefined' to the types of the target's properties.
  Property '"${flaw}"' is missing in type 'ZodObject<{ at: ZodDate; }, $strip>' but required in type '{ readonly "${flaw}": Date; }'.`,
  },
  {
    name: "a wrong role from authenticate",
    code:
      `createSocketServer(api, { authenticate: () => ({ role: "admin" }) });`,
    message:
      `Type 'string' is not assignable to type 'RoleMustBe<"user" | "agent" | "guest">'.`,
  },
];
