// The page's snippets of events between nodes, word for word.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { defineContract } from "@super-line/edge";
import { createSocketServer } from "@super-line/edge/node";
import type { Given } from "./given.ts";

const api =
// --- snippet
defineContract({
roles: { /* … */
// --- end
  user: {},
// --- snippet
},
serverToServer: {
rebalance: z.object({ shard: z.number() }),
cacheInvalidate: z.object({ key: z.string() }),
},
})
// --- end

/** A node that moves shards. */
export function createShardNode({ createRedisAdapter, server }: Given, moveShard: (shard: number) => void) {
  const srv = createSocketServer(api, {
    server,
    adapter: createRedisAdapter("redis://localhost:6379"),
    authenticate: () => ({ role: "user" as const }),
  });
  const listen = () =>
// --- snippet
srv.onServer('rebalance', ({ shard }) => moveShard(shard)) // returns an unsubscribe fn
// --- end
  const emit = () => {
// --- snippet
srv.emitServer('rebalance', { shard: 3 }) // -> every OTHER node
// --- end
  };
  return { srv, listen, emit };
}
