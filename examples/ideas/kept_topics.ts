// A kept topic: a client that was away gets what it missed, in order.
// Prints:
//   ready: live, 0 replayed
//   1: ordered
//   2: packed
//   3: sent
//   4: delivered
//   reloaded: resumed, 1 replayed
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const step = z.object({ n: z.number(), state: z.string() });
const api = defineContract({
  shared: {
    serverToClient: {
      parcel: {
        payload: step,
        subscribe: true,
        params: z.object({ id: z.string() }),
        keep: { last: 50 },
      },
    },
  },
  roles: { user: {} },
});

const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
srv.implement({});
let steps = 0;
const move = (state: string) =>
  srv.publish("parcel", { id: "7" }, { n: ++steps, state });

const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });
const options = { url: server.url, role: "user", reconnectBaseMs: 1 } as const;
const params = { id: "7" };

let seen = 0;
const show = ({ n, state }: z.infer<typeof step>) => {
  seen = n;
  console.log(`${n}: ${state}`);
};
const until = async (n: number) => {
  while (seen < n) await Bun.sleep(1);
};

const client = createClient(api, options);
const sub = client.subscribe("parcel", params, show, {
  onGap: () => console.log("messages are missing"), // does not happen here
});
const first = await sub.ready;
console.log(`ready: ${first.live && "live"}, ${first.replayed} replayed`);
await move("ordered");
await until(1);
srv.local.connections[0]?.close(1012); // a lost connection
await move("packed");
await move("sent");
await until(3);
const after = sub.position ?? ""; // a page would store it
client.close();

await move("delivered"); // nobody is connected
const reloaded = createClient(api, options);
const { ready } = reloaded.subscribe("parcel", params, show, { after });
const { resumed, replayed } = await ready;
console.log(`reloaded: ${resumed ? "resumed" : "gap"}, ${replayed} replayed`);
await until(4);

reloaded.close();
await srv.close();
await server.stop();
