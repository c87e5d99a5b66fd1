/**
 * What may happen around an upgrade on Deno, by path; the listener has to outlive all of it. Under `deno run` it serves
 * on a free port; under `deno serve` its default export is served.
 */
import { Hono } from "hono";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
  type SocketServer,
} from "../../mod.ts";
import { superline } from "../../src/hono.ts";
import type { DenoServeLike } from "./deno_like.ts";

const contract = defineContract({
  roles: {
    user: {
      clientToServer: {
        echo: { input: z.string(), output: z.string() },
        flood: { input: z.number(), output: z.number() },
      },
      serverToClient: { note: { payload: z.string() } },
    },
  },
});

const closes: number[] = [];

export const srv: SocketServer = createSocketServer(contract, {
  authTimeoutMs: 500,
  limits: { maxMessageBytes: 4_096 },
  backpressure: { maxBufferedBytes: 65_536 },
  authenticate: async (request) => {
    const query = new URL(request.url).searchParams;
    await pause(Number(query.get("wait")));
    const name = query.get("name");
    if (name === "nobody") throw new SocketError("UNAUTHORIZED", "Log in");
    if (name === "broken") throw new Error("authenticate throws");
    return { role: "user", ctx: { name } };
  },
  onConnection: (conn, { name }) => {
    conn.emit("note", "first");
    if (name === "throws") throw new Error("onConnection throws");
    if (name === "rejects") return Promise.reject(new Error("it rejects"));
  },
  onDisconnect: (_conn, { name }, code) => {
    closes.push(code);
    if (name !== "ada") throw new Error("onDisconnect throws");
  },
  onError: () => {
    throw new Error("onError throws");
  },
}).implement({
  user: {
    echo: (text) => text,
    flood: (count, _ctx, conn) => {
      for (let n = 0; n < count; n++) conn.emit("note", "x".repeat(10_000));
      return count;
    },
  },
}) as unknown as SocketServer; // the contract is this file's own

const app = new Hono();
app.get("/report", (c) => c.json({ stats: srv.stats(), closes }));

app.use("/replaced", async (c, next) => {
  await next();
  c.res = new Response("another answer");
});
app.use("/emptied", async (c, next) => {
  await next();
  c.res = undefined;
});
app.use("/thrown", async (_c, next) => {
  await next();
  throw new Error("a middleware throws after the upgrade");
});
app.use("/read", async (c, next) => {
  await next();
  c.header("x-seen", c.req.header("host") ?? "");
});
app.use("/wrapped", async (c, next) => {
  await next();
  c.res = new Response(c.res.body, c.res);
  c.res.headers.set("x-wrapped", "yes");
  c.header("x-header", "yes");
});
app.use("/late", async (c, next) => {
  await Promise.race([next(), pause(50)]);
  c.res = new Response("too late", { status: 504 });
});
app.use("/cloned", (c) => srv.fetch(c.req.raw.clone(), c.env));
app.use("/rebuilt", (c) => srv.fetch(new Request(c.req.raw), c.env));
app.use("*", superline(srv));

/** `srv.fetch` itself, past Hono. */
function fetchOf(
  request: Request,
  info: unknown,
): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  return pathname === "/plain"
    ? srv.fetch(request, info)
    : app.fetch(request, info as never);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const { Deno } = globalThis as unknown as {
  Deno: DenoServeLike & { args: string[] };
}; // this program runs on Deno
if (Deno.args.includes("listen")) {
  Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(`port ${port}`),
  }, fetchOf);
}
