/** Deno and Deno Deploy: `deno serve main.ts`. No TCP is needed: nodes meet over Upstash's REST API. */
import { createSocketServer } from "@super-line/edge";
import { createUpstashAdapter } from "@super-line/edge/adapters/upstash";
import process from "node:process";
import { api, app, options } from "../app.ts";

const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } =
  process.env;
const adapter = url && token ? createUpstashAdapter({ url, token }) : undefined;
const srv = createSocketServer(api, (srv) => ({
  ...options(srv),
  ...(adapter && { adapter }),
}));
app(srv);
export default srv;
