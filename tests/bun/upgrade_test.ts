import { expect, spyOn, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { tokenProtocol } from "../../src/wire/token.ts";
import { SocketError } from "../../mod.ts";
import { api, createTestServer, leftOver } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import { dial, join } from "../helpers/tcp_socket.ts";
import { until, within } from "../helpers/wait.ts";

test("the subprotocol that is echoed is superline.v1 only, wherever it stands", async () => {
  const { srv } = createTestServer();
  await using running = serve(srv, srv);
  const offers = [
    "superline.v1",
    "superline.v1, graphql-ws",
    "graphql-ws, superline.v1",
    `${tokenProtocol("secret")}, superline.v1`,
    `superline.v1,${tokenProtocol("secret")}`,
  ];
  for (const protocols of offers) {
    const socket = await join(running.port, { protocols });
    expect(socket.head.match(/^sec-websocket-protocol:.*$/gim)).toEqual(
      [expect.stringMatching(/^sec-websocket-protocol: superline\.v1$/i)],
    );
    expect(socket.head).not.toContain("superline.token");
    socket.destroy();
  }
});

test("a client that offers no subprotocol of ours gets HTTP 426 that names it", async () => {
  const { srv } = createTestServer();
  await using running = serve(srv, srv);
  for (const protocols of ["", "graphql-ws", "superline.v2", "superline.v1x"]) {
    const socket = await dial(running.port, { protocols });
    expect(socket.status).toBe(426);
    expect(socket.head.toLowerCase()).toContain(
      "sec-websocket-protocol: superline.v1",
    );
    socket.destroy();
  }
});

test("plain requests: 426 at the path, 404 elsewhere, 503 before implement and after close", async () => {
  const { srv } = createTestServer({ path: "/realtime" });
  await using running = serve(srv, srv);
  const at = (path: string) => fetch(`http://127.0.0.1:${running.port}${path}`);
  const plain = await at("/realtime?x=1");
  expect(plain.status).toBe(426);
  expect(await plain.text()).toContain("WebSocket");
  expect((await at("/other")).status).toBe(404);
  expect((await at("/realtime/")).status).toBe(404);
  expect((await dial(running.port, { target: "/other" })).status).toBe(404);
  const socket = await join(running.port, { target: "/realtime?role=user" });
  expect(socket.status).toBe(101);
  await srv.close();
  expect(await socket.closeCode()).toBe(1012);
  expect((await dial(running.port, { target: "/realtime" })).status).toBe(503);
});

test("odd request targets end in an HTTP answer, and the server lives", async () => {
  const { srv } = createTestServer({ path: "/realtime" });
  await using running = serve(srv, srv);
  const targets = [
    "//",
    "*",
    "/%",
    "/%ff",
    "//realtime",
    "http://[/",
    "/\\",
    "/?role=%ff",
    "/realtime%00",
  ];
  for (const target of targets) {
    const socket = await dial(running.port, { target });
    expect(socket.status >= 400 || socket.gone).toBe(true);
    socket.destroy();
  }
  const any = createTestServer();
  await using open = serve(any.srv, any.srv);
  for (const target of targets) (await dial(open.port, { target })).destroy();
  for (const { port } of [running, open]) {
    (await join(port, { target: "/realtime?role=user" })).destroy();
  }
  expect(any.errors.length).toBe(0);
  await until(() => Object.keys(leftOver(any.srv)).length === 0);
});

test("a browser that is refused can read code and reason", async () => {
  const { srv } = createTestServer({
    authenticate: () =>
      Promise.reject(new SocketError("UNAUTHORIZED", "log in first")),
  });
  await using running = serve(srv, srv);
  const socket = await dial(running.port);
  expect(socket.status).toBe(101);
  expect(await socket.closeCode()).toBe(4401);
  expect(socket.end?.reason).toBe("log in first");
  const client = createClient(api, { url: running.url, role: "user" });
  const status = await within(
    new Promise((resolve) =>
      client.onStatus((s) => s.state === "closed" && resolve(s))
    ),
  );
  expect(status).toEqual(
    { state: "closed", code: 4401, reason: "log in first", willRetry: false },
  );
});

test("a page of another site is closed with 4403, one of the same host and port is not", async () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    const { srv } = createTestServer();
    await using running = serve(srv, srv);
    const headers = (Origin: string) => ({ headers: { Origin } });
    const own = `http://localhost:${running.port}`;
    (await join(running.port, headers(own))).destroy();
    for (const origin of ["http://localhost", "https://evil.test", "null"]) {
      const socket = await dial(running.port, headers(origin));
      expect(await socket.closeCode()).toBe(4403);
      expect(socket.frames).toEqual([]);
    }
  } finally {
    warn.mockRestore();
  }
});

test("a request that is not the original one is answered with 4xx and a message", async () => {
  const { srv } = createTestServer();
  await using running = serve({
    fetch: (request, server) => srv.fetch(new Request(request), server),
    websocket: srv.websocket,
  }, srv);
  const socket = await dial(running.port);
  expect(socket.status).toBe(400);
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test("fetch without Bun's server is a 4xx or 5xx, never a hang", async () => {
  const { srv } = createTestServer();
  const request = new Request("http://app.test/", {
    headers: { upgrade: "websocket", "sec-websocket-protocol": "superline.v1" },
  });
  expect((await within(srv.fetch(request))).status).toBeGreaterThanOrEqual(400);
  expect(leftOver(srv)).toEqual({});
});

test("authenticate may await, read the request and the address, and the socket still opens", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authenticate: async (request, { remoteAddress }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(request.headers.get("x-test"), remoteAddress);
      return { role: "agent", ctx: { name: "" } };
    },
    onConnection: async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  await using running = serve(srv, srv);
  (await join(running.port, { headers: { "X-Test": "1" } })).destroy();
  expect(seen).toEqual(["1", "127.0.0.1"]);
});

test("two servers in one process share one Bun server by path", async () => {
  const one = createTestServer({ path: "/one" });
  const two = createTestServer({ path: "/two" });
  await using running = serve(
    {
      fetch: (request, server) =>
        (new URL(request.url).pathname === "/one" ? one : two).srv.fetch(
          request,
          server,
        ),
      websocket: one.srv.websocket,
    },
    one.srv,
    two.srv,
  );
  const first = await join(running.port, { target: "/one?role=user" });
  const second = await join(running.port, { target: "/two?role=user" });
  expect([one, two].map(({ srv }) => srv.stats().connections)).toEqual([1, 1]);
  for (const { srv } of [one, two]) {
    srv.room("same").add(srv.local.connections[0] as never);
  }
  one.srv.room("same").broadcast("message", { n: 1 });
  two.srv.room("same").broadcast("message", { n: 2 });
  expect((await first.next("evt"))[2]).toEqual({ n: 1 });
  expect((await second.next("evt"))[2]).toEqual({ n: 2 });
  first.destroy();
  second.destroy();
});

test("two Bun servers of one node are one room", async () => {
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("all").add(conn),
  });
  await using here = serve(srv, srv);
  await using there = serve(srv);
  const sockets = await Promise.all(
    [here, here, there, there].map(({ port }) => join(port)),
  );
  for (let n = 0; n < 50; n++) srv.room("all").broadcast("message", { n });
  for (const socket of sockets) {
    await until(() => socket.frames.length === 51);
    expect(socket.frames.slice(1).map((f) => (f[2] as { n: number }).n))
      .toEqual(Array.from({ length: 50 }, (_, n) => n));
    socket.destroy();
  }
});

test("export default srv serves under bun run", async () => {
  const child = Bun.spawn(
    [process.execPath, "run", `${import.meta.dir}/default_export.ts`],
    {
      stdout: "pipe",
      stderr: "inherit",
      env: { ...process.env, BUN_PORT: "0" },
    },
  );
  try {
    const { value } = await within(child.stdout.getReader().read(), 8_000);
    const port = Number(/:(\d+)/.exec(new TextDecoder().decode(value))?.[1]);
    const client = createClient(api, {
      url: `http://127.0.0.1:${port}/`,
      role: "user",
    });
    expect(await within(client.echo({ text: "hi" }))).toEqual({ text: "hi" });
    client.close();
  } finally {
    child.kill();
    await child.exited;
  }
}, 12_000);
