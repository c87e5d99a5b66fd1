/** Serves a node of the cluster suite on Bun. */
import { createSocketServer } from "../../../mod.ts";
import { api } from "./api.ts";
import { runNode } from "./node_program.ts";

const srv = await runNode((options) => createSocketServer(api, options));
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: srv.fetch,
  websocket: srv.websocket,
});
console.log(`port ${server.port}`);
