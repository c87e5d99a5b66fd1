// The first round trip: a contract, a server, a client, and one request.
// Prints:
//   5
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        add: {
          input: z.object({ a: z.number(), b: z.number() }),
          output: z.number(),
        },
      },
    },
  },
});

const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user" }),
});
srv.implement({ user: { add: ({ a, b }) => a + b } });
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const client = createClient(api, { url: server.url, role: "user" });
console.log(await client.add({ a: 2, b: 3 }));

client.close();
await srv.close();
await server.stop();
