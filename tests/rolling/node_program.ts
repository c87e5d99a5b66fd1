// One node of a rolling deploy: `argv` is its port and Redis' URL. Ends on SIGTERM as the examples do, and prints how
// many calls its handlers answered.
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { api } from "./api.ts";

const [port = "0", url = "", drainMs = "2000"] = process.argv.slice(2);
let answered = 0;
const srv = createSocketServer(api, {
  adapter: createRedisAdapter(url),
  authenticate: () => ({ role: "user" }),
  onConnection: (conn) => void srv.room("all").add(conn),
});
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
const server = Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch: srv.fetch,
  websocket: srv.websocket,
});
console.log("listens");

process.stdin.on("end", () => process.exit(1)).resume(); // the test is gone
process.once("SIGTERM", async () => {
  server.stop(); // who leaves now is sent to another node
  await srv.close({ drainMs: Number(drainMs) });
  await server.stop(true);
  console.log(`answered ${answered}`);
  process.exit(0);
});
