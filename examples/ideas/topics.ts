// Topics: who may subscribe, and the last value for those who come late.
// Prints:
//   BTC 64000
//   BTC 65000
//   insider: FORBIDDEN
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient, isSocketError } from "@super-line/edge/client";

const price = z.object({ symbol: z.string(), usd: z.number() });
const api = defineContract({
  shared: {
    serverToClient: {
      price: { payload: price, subscribe: true },
      // A topic says what changes from now on. What is now comes as an event.
      priceNow: { payload: price },
      insider: { payload: price, subscribe: true },
    },
  },
  roles: { user: {} },
});

let last: z.infer<typeof price> | undefined;
const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user", ctx: { plan: "free" } }),
  authorizeSubscribe: (topic, { plan }) =>
    topic !== "insider" || plan === "pro",
  use: async (_ctx, { kind, name, conn }, next) => {
    await next(); // authorized, and subscribed
    if (kind === "subscribe" && name === "price" && last) {
      conn.emit("priceNow", last); // before anything that is published later
    }
  },
});
srv.implement({});

function setPrice(usd: number) {
  last = { symbol: "BTC", usd };
  srv.publish("price", last);
}

const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });
setPrice(64_000); // nobody hears it

const client = createClient(api, { url: server.url, role: "user" });
const show = ({ symbol, usd }: z.infer<typeof price>) =>
  console.log(symbol, usd);
client.on("priceNow", show); // after a reconnect too
await client.subscribe("price", show).ready;
setPrice(65_000);
try {
  await client.subscribe("insider", show, { onError: () => {} }).ready;
} catch (error) {
  console.log("insider:", isSocketError(error) ? error.code : error);
}

client.close();
await srv.close();
await server.stop();
