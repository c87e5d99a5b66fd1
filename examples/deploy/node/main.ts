/** Node: `node main.ts`, from 22.18 on without a build. */
import { createServer } from "node:http";
import process from "node:process";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import { createSocketServer } from "@super-line/edge/node";
import { api, app, options } from "../app.ts";

const { REDIS_URL, PORT } = process.env;
const server = createServer((_request, response) => response.end("ok"));
const srv = createSocketServer(api, (srv) => ({
  server,
  ...options(srv),
  ...(REDIS_URL && { adapter: createRedisAdapter(REDIS_URL) }),
}));
app(srv);
server.listen(Number(PORT ?? 3000), () => {
  const { port } = server.address() as { port: number }; // it listens on TCP
  console.log(`http://localhost:${port}`);
});
process.once("SIGTERM", async () => {
  await srv.close({ drainMs: 10_000 });
  server.close();
});
