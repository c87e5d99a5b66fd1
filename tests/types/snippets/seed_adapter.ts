// The page's snippet of the adapter seam, word for word but for its import.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { defineContract } from "@super-line/edge";
import { createSocketServer } from "@super-line/edge/node";
import type { Given } from "./given.ts";

const payload = z.object({ text: z.string() });

/** What the nodes and their clients share. */
export const api = defineContract({
  shared: {
    clientToServer: { join: { input: z.object({ room: z.string() }), output: z.object({ live: z.boolean() }) } },
    serverToClient: { said: { payload }, news: { payload, subscribe: true } },
  },
  roles: { user: {}, agent: { serverToClient: { task: { payload, subscribe: true } } } },
  serverToServer: { note: payload },
});

const authenticate = (request: Request) => ({
  role: new URL(request.url).searchParams.get("role") as "user" | "agent",
});

/** One of the page's server processes. */
export function createPageNode({ createRedisAdapter, server }: Given) {
// --- snippet
const srv = createSocketServer(api, {
server, authenticate,
adapter: createRedisAdapter('redis://localhost:6379'),
})
// --- end
  return srv.implement({
    shared: { join: ({ room }, _ctx, conn) => srv.room(room).add(conn) },
  });
}
