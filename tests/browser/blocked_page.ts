/** A page with a client that may fall back to HTTP; its title says how it went. */
import { z } from "zod";
import { defineContract } from "../../mod.ts";
import { createClient, webSocket } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { echo: { input: z.string(), output: z.string() } },
    },
  },
});
const start = performance.now();
let transport: string | undefined;
const client = createClient(api, {
  url: "/realtime",
  role: "user",
  transport: [webSocket(), http()],
});
client.onStatus((status) => transport = status.transport);
Object.assign(globalThis, { echo: client.echo });
await client.echo("hello");
document.title = JSON.stringify({ transport, ms: performance.now() - start });
