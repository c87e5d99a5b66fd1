// One node: a process that serves the page and the app. Start as many as you
// like, on one Redis, each with a NODE and a PORT of its own:
//   REDIS_URL=redis://localhost:6379 NODE=A PORT=3001 bun examples/scaling/node.ts
import process from "node:process";
import { createAdapter } from "./adapters.ts";
import { createApp } from "./app.ts";
import { losing } from "./losing.ts";
import page from "./page/index.html";
import { isWay } from "./ways.ts";

const {
  PORT = "3000",
  NODE = "A",
  ADAPTER = "redis",
  REDIS_URL = "redis://localhost:6379",
  UPSTASH_REDIS_REST_URL = "http://localhost:8079",
  UPSTASH_REDIS_REST_TOKEN = "local",
  NAMESPACE = "scaling",
  LOSES = "",
} = process.env;

const adapter = createAdapter(ADAPTER, {
  redisUrl: REDIS_URL,
  upstash: { url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN },
  namespace: NAMESPACE,
  place: NODE.charCodeAt(0) - "A".charCodeAt(0),
});
const srv = await createApp(
  NODE,
  isWay(LOSES) ? losing(LOSES, adapter) : adapter,
);

const server = Bun.serve({
  port: Number(PORT),
  development: false,
  routes: { "/": page },
  fetch: srv.fetch,
  websocket: srv.websocket,
});
console.log(`node ${NODE} listens on port ${server.port}`);

process.once("SIGTERM", stop).once("SIGINT", stop);

async function stop() {
  // First the port, so that who leaves now is sent to another node.
  server.stop();
  await srv.close({ drainMs: 2_000 });
  await server.stop(true);
  process.exit(0);
}
