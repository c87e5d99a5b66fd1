/** Cloudflare: `wrangler deploy`. One object is one node, and its room's name is its own. */
import { durableObject, forwardTo } from "@super-line/edge/cloudflare";
import { api, app, options } from "../app.ts";

export const Chat = durableObject(
  api,
  (_env, _state, srv) => options(srv),
  app,
);

export default forwardTo(
  "CHAT",
  (request) => new URL(request.url).pathname,
);
