/** Objects in one cluster with nodes elsewhere, by Redis over TCP or by Upstash over HTTP. */
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import { api, app } from "./elsewhere_app.ts";

export const Chat = durableObject(
  api,
  ({ REDIS, URL, TOKEN }: { REDIS: string; URL: string; TOKEN: string }) => ({
    authenticate: () => ({ role: "user" }),
    adapter: REDIS
      ? createRedisAdapter(REDIS)
      : createUpstashAdapter({ url: URL, token: TOKEN, maxIntervalMs: 200 }),
  }),
  app,
);

export default forwardTo(
  "CHAT",
  (request) => new URL(request.url).searchParams.get("object") ?? "",
);
