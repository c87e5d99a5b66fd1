/** Serves the nodes on Bun; `hono` as argument puts Hono in front. */
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { api, packed } from "./api.ts";
import { createHonoApp } from "./hono_app.ts";
import { Nodes } from "./nodes.ts";

const nodes = new Nodes({
  json: (options) => createSocketServer(api, options),
  packed: (options) => createSocketServer(packed, options),
});
const app = createHonoApp(nodes);
const { websocket } = createSocketServer(packed, {
  authenticate: () => ({ role: "user" }),
});

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request, server) => {
    if (process.argv.includes("hono")) return await app.fetch(request, server);
    const node = nodes.at(request.url);
    return await (node ? node.srv.fetch(request, server) : nodes.http(request));
  },
  websocket: websocket as never, // typed by structure there
});
console.log(`port ${server.port}`);
process.stdin.on("end", () => process.exit(0)).resume();
