// A Hono app with cookie sessions: who logged in over HTTP is known here too.
// Prints:
//   without a session: 4401 Log in first
//   hello ada, this is your 2nd visit
import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { superline } from "@super-line/edge/hono";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { greet: { input: z.null(), output: z.string() } },
    },
  },
});

interface Session {
  readonly name: string;
  visits: number;
}
const sessions = new Map<string, Session>();

const srv = createSocketServer(api, {
  // `identity` is what the middleware below computed, on every runtime.
  authenticate: (_request, { identity }) => {
    if (!identity) throw new SocketError("UNAUTHORIZED", "Log in first");
    return { role: "user", ctx: identity as Session };
  },
});
srv.implement({
  user: {
    greet: (_input, session) =>
      `hello ${session.name}, this is your ${++session.visits}nd visit`,
  },
});

const app = new Hono();
app.post("/login/:name", (c) => {
  const id = crypto.randomUUID();
  sessions.set(id, { name: c.req.param("name"), visits: 1 });
  setCookie(c, "session", id, { httpOnly: true, sameSite: "Lax" });
  return c.text("welcome");
});
const identity = (c: Context) => sessions.get(getCookie(c, "session") ?? "");
app.use("/realtime", superline(srv, { identity }));
const { websocket } = srv;
const server = Bun.serve({ port: 0, fetch: app.fetch, websocket });

// A browser sends its cookies by itself, and only from pages of this host.
const page = new URL("/login/ada", server.url);
const login = await fetch(page, { method: "POST" });
const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
const url = new URL("/realtime", server.url);

const stranger = createClient(api, { url, role: "user" });
stranger.onStatus(({ state, code, reason }) => {
  if (state === "closed") console.log("without a session:", code, reason);
});
await stranger.ready.catch(() => {});

class Browser extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, { protocols, headers: { cookie } } as never); // Bun's own form
  }
}
const own = { WebSocket: Browser as never };
const ada = createClient(api, { url, role: "user", ...own });
console.log(await ada.greet(null));

ada.close();
await srv.close();
await server.stop();
