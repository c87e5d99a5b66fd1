/** Cloudflare: `wrangler deploy`. One object is one node, and its room's name is its own. */
import { durableObject, forwardTo } from "@super-line/edge/cloudflare";
import { api, app, authenticate } from "../app.ts";

export const Chat = durableObject(api, () => ({ authenticate }), app);

export default forwardTo(
  "CHAT",
  (request) => new URL(request.url).pathname,
);
