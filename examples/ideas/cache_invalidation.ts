// Node to node: what one node changes, the others forget.
// Prints:
//   node 1 loads ada
//   node 0 loads ada
//   node 1: Ada
//   node 1 loads ada
//   node 1: Ada Lovelace
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { loopback } from "@super-line/edge/testing";

const profile = z.object({ id: z.string(), name: z.string() });
const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        profile: { input: z.string(), output: profile },
        rename: { input: profile, output: z.null() },
      },
    },
  },
  serverToServer: { changed: z.object({ id: z.string() }) },
});

const database = new Map([["ada", { id: "ada", name: "Ada" }]]);
const bus = new MemoryBus(); // in production createRedisAdapter("redis://…")

function startNode(number: number) {
  const cache = new Map<string, z.infer<typeof profile>>();
  const srv = createSocketServer(api, {
    adapter: createInMemoryAdapter(bus),
    authenticate: () => ({ role: "user" }),
  });
  // Never called for what this node emits itself.
  srv.onServer("changed", ({ id }) => cache.delete(id));
  return srv.implement({
    user: {
      profile: (id) => {
        let found = cache.get(id);
        if (!found) {
          console.log(`node ${number} loads ${id}`);
          found = database.get(id) ?? { id, name: "nobody" };
          cache.set(id, found);
        }
        return found;
      },
      rename: (changed) => {
        database.set(changed.id, changed);
        cache.set(changed.id, changed);
        srv.emitServer("changed", { id: changed.id });
        return null;
      },
    },
  });
}

function connect(node: ReturnType<typeof startNode>) {
  const WebSocket = loopback(node); // no port for an example
  return createClient(api, { url: "ws://app.test", role: "user", WebSocket });
}

const nodes = [startNode(0), startNode(1)] as const;
const [zero, one] = [connect(nodes[0]), connect(nodes[1])];
await one.profile("ada");
await zero.profile("ada");
console.log("node 1:", (await one.profile("ada")).name);
await zero.rename({ id: "ada", name: "Ada Lovelace" });
console.log("node 1:", (await one.profile("ada")).name);

for (const client of [zero, one]) client.close();
await Promise.all(nodes.map((node) => node.close()));
