/** Bun in a container: `bun main.ts`. */
import process from "node:process";
import { createSocketServer } from "@super-line/edge";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import { api, app, options } from "../app.ts";

const { REDIS_URL, PORT } = process.env;
const srv = createSocketServer(api, (srv) => ({
  ...options(srv),
  ...(REDIS_URL && { adapter: createRedisAdapter(REDIS_URL) }),
}));
app(srv);
const server = Bun.serve({
  port: Number(PORT ?? 3000),
  fetch: srv.fetch,
  websocket: srv.websocket as never, // typed by structure there
});
console.log(`http://localhost:${server.port}`);
process.once("SIGTERM", async () => {
  await srv.close({ drainMs: 10_000 });
  await server.stop(true);
});
