/** Serves the nodes on Deno; `hono` as argument puts Hono in front. */
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { api, packed } from "./api.ts";
import type { DenoServeLike } from "./deno_like.ts";
import { createHonoApp } from "./hono_app.ts";
import { Nodes } from "./nodes.ts";

const nodes = new Nodes({
  json: (options) => createSocketServer(api, options),
  packed: (options) => createSocketServer(packed, options),
});
const app = createHonoApp(nodes);

const { Deno } = globalThis as unknown as { Deno: DenoServeLike }; // this program runs on Deno
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`port ${port}`),
}, async (request, info) => {
  if (process.argv.includes("hono")) return await app.fetch(request, info);
  const node = nodes.at(request.url);
  return await (node ? node.srv.fetch(request, info) : nodes.http(request));
});
process.stdin.on("end", () => process.exit(0)).resume();
