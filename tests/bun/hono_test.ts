import { expect, test } from "bun:test";
import { Hono } from "hono";
import { upgradeWebSocket, websocket } from "hono/bun";
import { cors } from "hono/cors";
import { logger } from "hono/logger";
import { secureHeaders } from "hono/secure-headers";
import { combineWebSockets } from "../../src/bun.ts";
import { createClient } from "../../src/client/client.ts";
import { superline } from "../../src/hono.ts";
import { api, type Auth, createTestServer, leftOver } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import { dial, join } from "../helpers/tcp_socket.ts";
import { until, within } from "../helpers/wait.ts";

/** What a plain WebSocket is answered with. */
function ask(url: string, text: string): Promise<string> {
  const socket = new WebSocket(url);
  return within(
    new Promise<string>((resolve, reject) => {
      socket.onopen = () => socket.send(text);
      socket.onmessage = ({ data }) => resolve(String(data));
      socket.onerror = () => reject(new Error("the socket failed"));
    }),
  ).finally(() => socket.close());
}

test("superline beside ordinary routes, cors, secureHeaders and logger", async () => {
  const { srv } = createTestServer();
  const lines: string[] = [];
  const app = new Hono();
  app.use(logger((line) => lines.push(line)), cors(), secureHeaders());
  app.get("/", (c) => c.text("hello"));
  app.use("/realtime", superline(srv));
  app.get("/realtime", (c) => c.text("not a socket"));
  await using running = serve(
    Object.assign(app, { websocket: srv.websocket }) as never,
    srv,
  );
  const http = `http://127.0.0.1:${running.port}`;
  const home = await fetch(http);
  expect(await home.text()).toBe("hello");
  expect(home.headers.get("x-content-type-options")).toBe("nosniff");
  expect(await (await fetch(`${http}/realtime`)).text()).toBe("not a socket");
  const client = createClient(api, { url: `${http}/realtime`, role: "user" });
  expect(await within(client.echo({ text: "hi" }))).toEqual({ text: "hi" });
  client.close();
  const elsewhere = await dial(running.port, { target: "/other" });
  expect(elsewhere.status).toBe(404);
  expect(lines.length).toBeGreaterThan(4);
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test("what identity computed, and the Hono context, reach authenticate", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authenticate: (_request, info): Auth => {
      seen.push(info.identity, info.hono !== undefined, info.token);
      return { role: "agent", ctx: { name: String(info.identity) } };
    },
  });
  const app = new Hono<{ Variables: { user: string } }>();
  app.use(async (c, next) => {
    c.set("user", `user of ${c.req.header("cookie")}`);
    await next();
  });
  app.use("/realtime", superline(srv, { identity: (c) => c.get("user") }));
  await using running = serve(
    Object.assign(app, { websocket: srv.websocket }) as never,
    srv,
  );
  const socket = await join(running.port, {
    target: "/realtime?role=agent",
    headers: { Cookie: "ada" },
  });
  expect(seen).toEqual(["user of ada", true, undefined]);
  socket.destroy();
});

test("middleware in front may refuse an upgrade, and one that throws hurts nobody", async () => {
  const { srv } = createTestServer();
  const app = new Hono();
  app.onError((_error, c) => c.text("failed", 500));
  app.use("/realtime", async (c, next) => {
    if (c.req.query("name") === "mallory") return c.text("no", 403);
    await next();
    if (c.req.query("name") === "late") throw new Error("after the upgrade");
  });
  app.use(
    "/realtime",
    superline(srv, {
      identity: (c) => {
        if (c.req.raw.url.includes("broken")) throw new Error("identity");
        return 1;
      },
    }),
  );
  await using running = serve(
    Object.assign(app, { websocket: srv.websocket }) as never,
    srv,
  );
  const at = (name: string) => ({ target: `/realtime?role=user&name=${name}` });
  expect((await dial(running.port, at("mallory"))).status).toBe(403);
  expect((await dial(running.port, at("broken"))).status).toBe(500);
  const late = await join(running.port, at("late"));
  late.say(["req", 1, "echo", { text: "a" }]);
  expect((await late.next("res", 1))[2]).toEqual({ text: "a" });
  late.destroy();
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test("combineWebSockets beside Hono's own upgradeWebSocket", async () => {
  const { srv } = createTestServer();
  const app = new Hono();
  const closed: string[] = [];
  app.use("/realtime", superline(srv));
  app.get(
    "/own",
    upgradeWebSocket(() => ({
      onMessage: (event, ws) => ws.send(`own ${event.data}`),
      onClose: () => void closed.push("own"),
    })),
  );
  await using running = serve(
    Object.assign(app, {
      websocket: combineWebSockets(srv.websocket, websocket as never),
    }) as never,
    srv,
  );
  const url = `ws://127.0.0.1:${running.port}`;
  const client = createClient(api, { url: `${url}/realtime`, role: "user" });
  expect(await ask(`${url}/own`, "hi")).toBe("own hi");
  expect(await within(client.echo({ text: "a" }))).toEqual({ text: "a" });
  await until(() => closed.length === 1);
  expect(srv.stats().connections).toBe(1);
  client.close();
});

test("combineWebSockets beside plain handlers of one's own, whatever their data", async () => {
  const { srv } = createTestServer();
  const events: string[] = [];
  const theirs = {
    maxPayloadLength: 2_000_000,
    idleTimeout: 10,
    open: () => void events.push("open"),
    message(ws: { send(text: string): void }, text: string) {
      events.push(this === theirs ? "message" : "lost this");
      ws.send(`own ${text.length}`);
    },
    close: () => void events.push("close"),
  };
  const combined = combineWebSockets(srv.websocket, theirs);
  expect(combined.maxPayloadLength).toBe(2_000_000);
  let nth = 0;
  await using running = serve({
    fetch: (request, server) => {
      if (new URL(request.url).pathname !== "/own") {
        return srv.fetch(request, server);
      }
      const data = [undefined, null, 5, {}][nth++];
      server.upgrade(request, { data } as never);
      return undefined;
    },
    websocket: combined,
  }, srv);
  const url = `ws://127.0.0.1:${running.port}`;
  for (let n = 0; n < 4; n++) {
    expect(await ask(`${url}/own`, "x".repeat(1_500_000))).toBe("own 1500000");
  }
  const big = await join(running.port);
  big.text("x".repeat(1_500_000));
  expect(await big.closeCode()).toBe(1009);
  await until(() => events.length === 12);
  expect(new Set(events)).toEqual(new Set(["open", "message", "close"]));
});
