// One node of a rolling deploy, on the runtime that runs it: `argv` is its port and Redis' URL. Ends on SIGTERM as the
// examples do, and prints how many calls its handlers answered.
import { createServer } from "node:http";
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";
import type { DenoServeLike } from "../runtimes/deno_like.ts";
import { api } from "./api.ts";

const [port = "0", url = "", drainMs = "2000"] = process.argv.slice(2);
let answered = 0;
const options: Parameters<
  typeof createSocketServer<typeof api.definition, { role: "user" }>
>[1] = {
  adapter: createRedisAdapter(url),
  authenticate: () => ({ role: "user" }),
  onConnection: (conn) => void srv.room("all").add(conn),
};
const onNode = !("Bun" in globalThis || "Deno" in globalThis);
const httpServer = createServer();
const web = onNode ? undefined : createSocketServer(api, options);
const srv = web ?? createOnNode(api, { ...options, server: httpServer });
srv.implement({
  shared: {
    work: async ({ ms }) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      answered++;
      return { node: port };
    },
    announce: ({ text }) => {
      srv.publish("news", { text });
      srv.room("all").broadcast("said", { text });
      return {};
    },
  },
});
// It loads its Redis client until then: whoever came meanwhile would wait, and all be let in at one moment.
await srv.onServer("started", () => {}).ready;
const stopListening = listen(Number(port), "127.0.0.1");

process.stdin.on("end", () => process.exit(1)).resume(); // the test is gone
process.once("SIGTERM", async () => {
  stopListening(); // who leaves now is sent to another node
  await srv.close({ drainMs: Number(drainMs) });
  console.log(`answered ${answered}`);
  process.exit(0);
});

function listen(port: number, hostname: string): () => void {
  const listens = () => console.log("listens");
  if (!web) {
    httpServer.listen(port, hostname, listens);
    return () => httpServer.close();
  }
  const { Deno } = globalThis as { Deno?: DenoServeLike }; // there on Deno
  if (Deno) {
    Deno.serve({ port, hostname, onListen: listens }, web.fetch);
    return () => {}; // Deno cannot without ending who is there: this node answers newcomers with 503
  }
  const { fetch, websocket } = web;
  const server = Bun.serve({ port, hostname, fetch, websocket });
  listens();
  return () => void server.stop();
}
