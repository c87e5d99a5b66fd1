// Middleware: a log line with the time it took, a rate limit, an audit of roles.
// Prints:
//   request search ok
//   request search ok
//   request search RATE_LIMITED
//   request wipe FORBIDDEN
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  isSocketError,
  type Middleware,
  SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        search: { input: z.string(), output: z.array(z.string()) },
        wipe: { input: z.null(), output: z.null() },
      },
    },
  },
});

/** Logs how each call went. */
const log: Middleware = async (_ctx, { kind, name }, next) => {
  const start = performance.now();
  let outcome = "ok";
  try {
    await next();
  } catch (error) {
    outcome = isSocketError(error) ? error.code : "INTERNAL";
    throw error; // the caller is told
  } finally {
    const slow = performance.now() - start > 1_000 ? ", slow" : "";
    console.log(kind, name, outcome + slow);
  }
};

/** Lets each connection make so many calls in a while. */
function limit(calls: number, perMs: number): Middleware {
  const used = new WeakMap<object, { count: number; until: number }>();
  return async (_ctx, { conn }, next) => {
    const now = Date.now();
    let window = used.get(conn);
    if (!window || window.until < now) {
      used.set(conn, window = { count: 0, until: now + perMs });
    }
    if (++window.count > calls) throw new SocketError("RATE_LIMITED");
    await next();
  };
}

/** Without `next()` a call is refused. */
const admins: Middleware<{ admin: boolean }> = async (ctx, { name }, next) => {
  if (name !== "wipe" || ctx.admin) await next();
};

const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user", ctx: { admin: false } }),
  use: [log, admins, limit(2, 60_000)], // the first is the outermost
});
srv.implement({ user: { search: (word) => [word], wipe: () => null } });
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const client = createClient(api, { url: server.url, role: "user" });
for (const word of ["a", "b", "c"]) await client.search(word).catch(() => {});
await client.wipe(null).catch(() => {});

client.close();
await srv.close();
await server.stop();
