// The program of the design page, word for word: what users write.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";

export const api = defineContract({
  shared: {                                              // every role has these
    clientToServer: {
      typing: { input: z.object({ room: z.string() }) },                                          // signal: no answer
      join: { input: z.object({ room: z.string() }), output: z.object({ ok: z.boolean() }) },   // request
    },
    serverToClient: {
      message: { payload: z.object({ from: z.string(), text: z.string() }) },                    // event: the server picks who gets it
      presence: { payload: z.object({ room: z.string(), count: z.number() }), subscribe: true }, // topic: the client subscribes
    },
  },
  roles: {                                               // a role sees shared ∪ its own block
    user: { clientToServer: { say: { input: z.object({ room: z.string(), text: z.string() }), output: z.object({ id: z.string() }) } } },
    agent: { serverToClient: { task: { payload: z.object({ prompt: z.string() }), subscribe: true } } },
  },
  serverToServer: { rebalance: z.object({ shard: z.number() }) },   // node to node, not role-scoped
});

const srv = createSocketServer(api, {
  authenticate: (request, info) => ({ role: "user" as const, ctx: { user: { id: "1", name: "ada" } } }), // throw: refused
  onConnection: (conn, ctx) => srv.room(`user:${ctx.user.id}`).add(conn),
});
srv.implement({
  shared: {
    typing: () => {},
    join: async ({ room }, _ctx, conn) => { await srv.room(room).add(conn); return { ok: true }; },
  },
  user: { say: async ({ room, text }, ctx) => { srv.room(room).broadcast("message", { from: ctx.user.name, text }); return { id: crypto.randomUUID() }; } },
});                                                      // a role without entries needs no block
export default srv;   // bun run · deno serve
