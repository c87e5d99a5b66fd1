// A serializer of your own: superjson, so that a Date stays a Date.
// Prints:
//   true 2030
//   ada has 3n
import superjson from "superjson";
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

// Without `serializer` neither entry would compile: JSON would change both.
const api = defineContract({
  serializer: {
    name: "superjson", // both sides must have the same
    encode: (value) => superjson.stringify(value),
    decode: (data) => superjson.parse(data as string), // what encode gave
  },
  roles: {
    user: {
      clientToServer: {
        later: { input: z.date(), output: z.date() },
        scores: { input: z.null(), output: z.map(z.string(), z.bigint()) },
      },
    },
  },
});

const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user" }),
});
srv.implement({
  user: {
    later: (date) => new Date(date.getTime() + 365 * 86_400_000),
    scores: () => new Map([["ada", 3n]]),
  },
});
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const client = createClient(api, { url: server.url, role: "user" });
const date = await client.later(new Date("2029-06-01"));
console.log(date instanceof Date, date.getFullYear());
console.log("ada has", (await client.scores(null)).get("ada"));

client.close();
await srv.close();
await server.stop();
