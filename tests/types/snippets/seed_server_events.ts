// The page's snippets of events between nodes, word for word.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { createInMemoryAdapter, createSocketServer, defineContract, type MemoryBus } from "@super-line/edge";

/** The page leaves the roles out, so this is defined for its type alone. */
export const define = () =>
// --- snippet
defineContract({
roles: { /* … */ },
serverToServer: {
rebalance: z.object({ shard: z.number() }),
cacheInvalidate: z.object({ key: z.string() }),
},
})
// --- end

const api = defineContract({
  roles: { user: {} },
  serverToServer: {
    rebalance: z.object({ shard: z.number() }),
    cacheInvalidate: z.object({ key: z.string() }),
  },
});

/** A node that moves shards. */
export function createShardNode(bus: MemoryBus, moveShard: (shard: number) => void) {
  const srv = createSocketServer(api, {
    adapter: createInMemoryAdapter(bus),
    authenticate: () => ({ role: "user" }),
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
