// The page's snippets of direct messages, word for word.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { defineContract } from "@super-line/edge";
import { createSocketServer } from "@super-line/edge/node";
import type { Given } from "./given.ts";

/** What the nodes and their clients share. */
export const api = defineContract({
  shared: { serverToClient: { dm: { payload: z.object({ from: z.string(), text: z.string() }) } } },
  roles: {
    user: {
      clientToServer: {
        send: { input: z.object({ to: z.string(), text: z.string() }), output: z.null() },
      },
    },
  },
});

/** A node on which users write to each other. */
export function createMessagesNode({ createRedisAdapter, server }: Given) {
  const authenticate = (request: Request) => ({
    role: "user" as const,
    ctx: { user: { id: new URL(request.url).searchParams.get("id") ?? "" } },
  });
  const srv = createSocketServer(api, {
    server,
    adapter: createRedisAdapter("redis://localhost:6379"),
    authenticate,
// --- snippet
onConnection: (conn, ctx) => srv.room(`user:${ctx.user.id}`).add(conn),
// --- end
  });
  return srv.implement({
    user: {
      send: ({ to: targetId, text }, ctx) => {
        const from = ctx.user.id;
// --- snippet
// later, from any node:
srv.room(`user:${targetId}`).broadcast('dm', { from, text })
// --- end
        return null;
      },
    },
  });
}
