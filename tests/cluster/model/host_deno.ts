/** Serves a node of the cluster suite on Deno. */
import { createSocketServer } from "../../../mod.ts";
import type { DenoServeLike } from "../../runtimes/deno_like.ts";
import { api } from "./api.ts";
import { runNode } from "./node_program.ts";

const srv = await runNode((options) => createSocketServer(api, options));
const { Deno } = globalThis as unknown as { Deno: DenoServeLike }; // this program runs on Deno
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`port ${port}`),
}, srv.fetch);
