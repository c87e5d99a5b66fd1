// One program: the page, and a node of the board. Several share a Redis:
//   REDIS_URL=redis://localhost:6379 PORT=3001 bun examples/react-board/server.ts
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import process from "node:process";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import { superline } from "@super-line/edge/hono";
import { createBoard } from "./board.ts";
import { notesInMemory, notesInRedis } from "./notes.ts";
import { bundlePage } from "./page.ts";

const { PORT = "3000", REDIS_URL } = process.env;
const srv = REDIS_URL
  ? createBoard(notesInRedis(REDIS_URL), createRedisAdapter(REDIS_URL))
  : createBoard(notesInMemory());
const page = await bundlePage();

const app = new Hono();
app.use(secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'self'"], imgSrc: ["data:"] },
}));
app.use("/realtime", superline(srv));
app.get("*", (c) => page(c.req.path) ?? c.notFound());

const server = Bun.serve({
  port: Number(PORT),
  fetch: app.fetch,
  websocket: srv.websocket,
});
console.log(`listening on http://localhost:${server.port}`);

process.once("SIGTERM", stop).once("SIGINT", stop);

async function stop() {
  srv.people.close();
  await srv.close({ drainMs: 1_000 });
  await server.stop(true);
  process.exit(0);
}
