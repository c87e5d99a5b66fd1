// The ways in which the design page serves a server, word for word.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { type Context, Hono } from "hono";
import { superline } from "@super-line/edge/hono";
import srv from "./design_server.ts";

type Env = { Variables: { user: string } };
const app = new Hono<Env>();
app.use(async (c, next) => {
  c.set("user", c.req.header("authorization") ?? "nobody");
  await next();
});
app.get("/", (c) => c.text("hello"));

// --- snippet
app.use("/realtime", superline(srv))
// --- end
app.use("/realtime",
// --- snippet
superline(srv, { identity: (c) => c.get("user") })
// --- end
);
// With the context's type named, what was set is typed too.
app.use("/realtime", superline(srv, { identity: (c: Context<Env>) => c.get("user").trim() }));

/** Serves it as a program under `bun run` would not have to. */
export const serve = () => Bun.serve({ port: 0, fetch: srv.fetch, websocket: srv.websocket });

/** The app with its WebSockets, where it has to be passed on. */
export const serveApp = () =>
  Bun.serve({ port: 0, fetch: app.fetch, websocket: srv.websocket });

// --- snippet
export default Object.assign(app, { websocket: srv.websocket })
// --- end
