/** What the HTTP transport refuses, and what it does not give away. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import {
  createEventReader,
  messageEvent,
} from "../../src/wire/event_stream.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        echo: { input: z.string(), output: z.string() },
        flood: { input: z.number(), output: z.null() },
      },
      serverToClient: { chunk: { payload: z.string() } },
    },
  },
});

type Options = Partial<
  Parameters<
    typeof createSocketServer<typeof api.definition, { role: "user" }>
  >[1]
>;

function start(options: Options = {}) {
  const echoed: string[] = [];
  const srv = createSocketServer(api, {
    authenticate: (_request, { token }) => {
      if (token === "wrong") throw new Error("no");
      return { role: "user" };
    },
    onError: () => {},
    ...options,
  });
  srv.implement({
    user: {
      echo: (text) => {
        echoed.push(text);
        return text;
      },
      flood: (count, _ctx, conn) => {
        for (let n = 0; n < count; n++) conn.emit("chunk", "x".repeat(10_000));
        return null;
      },
    },
  });
  const running = serve(srv, srv);
  const url = running.url.replace("ws", "http");
  return {
    srv,
    running,
    url,
    echoed,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

/** Sends one request of the transport. */
function request(url: string, header: string, init: RequestInit = {}) {
  return fetch(url, {
    ...init,
    headers: { superline: header, ...init.headers },
  });
}

/** Opens a session by hand. */
async function open(url: string): Promise<{ id: string; secret: string }> {
  const response = await request(`${url}?role=user`, "open superline.v1", {
    method: "POST",
  });
  const [first] = createEventReader()(await response.text());
  const [id, secret] = first?.data as string[];
  return { id: id ?? "", secret: secret ?? "" };
}

const call = (id: number, text: string) =>
  messageEvent(0, JSON.stringify(["req", id, "echo", text]));

test("neither the token nor the session's secret is in a URL", async () => {
  await using server = start();
  const urls: string[] = [];
  const client = createClient(api, {
    url: server.url,
    role: "user",
    token: "top-secret",
    transport: [http({
      fetch: (url, init) => {
        urls.push(url);
        return fetch(url, init);
      },
    })],
  });
  await client.echo("hello");
  client.close();
  expect(urls.length).toBeGreaterThan(2);
  expect([...new Set(urls)]).toEqual([`${server.url}?role=user`]);
});

test("the application sees no header of the transport's", async () => {
  let seen: string[] = [];
  await using server = start({
    authenticate: (request) => {
      seen = [...request.headers.keys()];
      return { role: "user" };
    },
  });
  await open(server.url);
  expect(seen).not.toContain("superline");
  expect(seen).toContain("host");
});

test("a POST without the header is no request of the transport: a form can send none", async () => {
  await using server = start();
  const response = await fetch(`${server.url}?role=user`, {
    method: "POST",
    body: "open",
  });
  expect(response.status).toBe(426);
  expect(server.srv.local.connections.length).toBe(0);
});

test("a page of another origin gets neither a preflight nor a session", async () => {
  const warn = console.warn;
  console.warn = () => {};
  await using server = start();
  const origin = "https://evil.test";
  const preflight = await fetch(server.url, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-headers": "superline" },
  });
  expect(preflight.status).toBe(403);
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  const opened = await request(server.url, "open superline.v1", {
    method: "POST",
    headers: { origin },
  });
  expect(opened.headers.get("access-control-allow-origin")).toBeNull();
  const [, first] = createEventReader()(await opened.text());
  expect(first).toMatchObject({
    kind: "close",
    data: [4403, expect.any(String)],
  });
  expect(server.srv.local.connections.length).toBe(0);
  console.warn = warn;
});

test("a page of an allowed origin gets both", async () => {
  const origin = "https://app.test";
  await using server = start({ origins: [origin] });
  const preflight = await fetch(server.url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-headers": "content-type, superline",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
  expect(preflight.headers.get("access-control-allow-headers")).toBe(
    "superline",
  );
  const opened = await request(server.url, "open superline.v1", {
    method: "POST",
    headers: { origin },
  });
  expect(opened.headers.get("access-control-allow-origin")).toBe(origin);
  expect(opened.headers.get("vary")).toBe("origin");
});

test("a session's id without its secret reads and sends nothing", async () => {
  await using server = start();
  const { id, secret } = await open(server.url);
  for (const wrong of ["", "0".repeat(32), secret.slice(1), `${secret}0`]) {
    const read = await request(server.url, `read ${id} ${wrong} 0`);
    expect(read.status).toBe(403);
    await read.body?.cancel();
    const sent = await request(server.url, `send ${id} ${wrong} 0 1`, {
      method: "POST",
      body: call(1, "stolen"),
    });
    expect(sent.status).toBe(403);
  }
  expect(server.echoed).toEqual([]);
  expect(server.srv.local.connections.length).toBe(1);
});

test("secrets have 128 bits and differ", async () => {
  await using server = start();
  const sessions = await Promise.all(
    Array.from({ length: 20 }, () => open(server.url)),
  );
  expect(new Set(sessions.map(({ secret }) => secret)).size).toBe(20);
  for (const { secret } of sessions) expect(secret).toMatch(/^[0-9a-f]{32}$/);
});

test("a POST that comes twice is handled once", async () => {
  await using server = start();
  const { id, secret } = await open(server.url);
  for (let times = 0; times < 3; times++) {
    const { status } = await request(server.url, `send ${id} ${secret} 0 1`, {
      method: "POST",
      body: call(1, "once"),
    });
    expect(status).toBe(204);
  }
  expect(server.echoed).toEqual(["once"]);
});

for (
  const [what, header] of [
    ["a POST whose number leaves one out", "0 3"],
    ["a POST without a number", "0"],
    ["a POST whose number is none", "0 x"],
    ["a confirmation of what was never sent", "99 1"],
    ["a confirmation that is no number", "-1 1"],
  ] as const
) {
  test(`${what} ends the session with 4400`, async () => {
    const codes: number[] = [];
    await using server = start({
      onDisconnect: (_conn, _ctx, code) => void codes.push(code),
    });
    const { id, secret } = await open(server.url);
    const { status } = await request(
      server.url,
      `send ${id} ${secret} ${header}`,
      { method: "POST", body: call(1, "never") },
    );
    expect(status).toBe(409);
    expect(server.echoed).toEqual([]);
    await until(() => server.srv.local.connections.length === 0);
    expect(codes).toEqual([4400]);
    const gone = await request(server.url, `read ${id} ${secret} 0`);
    expect(gone.status).toBe(410);
  });
}

test("a compressed body is refused", async () => {
  await using server = start();
  const { id, secret } = await open(server.url);
  const { status } = await request(server.url, `send ${id} ${secret} 0 1`, {
    method: "POST",
    headers: { "content-encoding": "gzip" },
    body: Bun.gzipSync(call(1, "bomb")),
  });
  expect(status).toBe(415);
  expect(server.echoed).toEqual([]);
});

test("a body over the limit is refused while it comes, and a message over maxMessageBytes ends the session with 1009", async () => {
  await using server = start({ limits: { maxMessageBytes: 10_000 } });
  const { id, secret } = await open(server.url);
  const large = await request(server.url, `send ${id} ${secret} 0 1`, {
    method: "POST",
    body: "x".repeat(2_000_000),
  });
  expect(large.status).toBe(413);
  expect(server.srv.local.connections.length).toBe(1);
  const sent = await request(server.url, `send ${id} ${secret} 0 1`, {
    method: "POST",
    body: call(1, "x".repeat(20_000)),
  });
  expect(sent.status).toBe(204);
  const events = createEventReader()(
    await (await request(server.url, `read ${id} ${secret} 0`)).text(),
  );
  expect(events.at(-1)).toMatchObject({
    kind: "close",
    data: [1009, expect.any(String)],
  });
});

test("bytes that are no part of the transport end in an answer, and cost only their session", async () => {
  await using server = start();
  for (
    const header of [
      "",
      "open",
      "read",
      "send",
      "read x y z",
      "send a.b c d e",
      "\u00ff",
      "delete a b",
      "x".repeat(5_000),
    ]
  ) {
    for (const method of ["GET", "POST"]) {
      const response = await fetch(server.url, {
        method,
        headers: { superline: header },
        ...(method === "POST" &&
          { body: "id: 1\ndata: \n\n\n\n: \nevent: close\ndata: {\n\n" }),
      });
      expect(response.status).toBeGreaterThanOrEqual(200);
      expect(response.status).toBeLessThan(500);
      await response.body?.cancel();
    }
  }
  const client = createClient(api, {
    url: server.url,
    role: "user",
    transport: [http()],
  });
  expect(await client.echo("still here")).toBe("still here");
  client.close();
});

test("a reader that has stopped costs a bounded number of bytes, and is told of the gap when it reads again", async () => {
  await using server = start({ backpressure: { maxBufferedBytes: 100_000 } });
  const { id, secret } = await open(server.url);
  const flood = messageEvent(0, JSON.stringify(["req", 1, "flood", 1_000]));
  await request(server.url, `send ${id} ${secret} 0 1`, {
    method: "POST",
    body: flood,
  });
  const first = await (await request(server.url, `poll ${id} ${secret} 0`))
    .text();
  expect(first.length).toBeGreaterThan(100_000);
  expect(first.length).toBeLessThan(400_000); // one message more may pass the limit
  const last = createEventReader()(first).at(-1)?.n;
  const second =
    await (await request(server.url, `poll ${id} ${secret} ${last}`)).text();
  expect(second).toContain('["gap",{"dropped":');
});

test(
  "10 000 sessions that never read are bounded by the limits of a handshake, and end",
  async () => {
    await using server = start({ limits: { handshakesPerSecond: 500 } });
    let opened = 0;
    for (let at = 0; at < 10_000; at += 250) {
      await Promise.all(Array.from({ length: 250 }, async () => {
        const response = await request(
          `${server.url}?role=user`,
          "open superline.v1",
          { method: "POST" },
        );
        if ((await response.text()).includes('["hi",')) opened++;
      }));
    }
    expect(opened).toBeGreaterThan(400);
    expect(opened).toBeLessThan(9_000);
    await until(
      () => server.srv.local.connections.length === 0,
      undefined,
      20_000,
    );
  },
  90_000,
);

test("the last client's session leaves nothing", async () => {
  await using server = start();
  const clients = Array.from(
    { length: 20 },
    () =>
      createClient(api, { url: server.url, role: "user", transport: [http()] }),
  );
  await Promise.all(clients.map((client) => client.echo("hello")));
  for (const client of clients) client.close();
  await until(() => server.srv.local.connections.length === 0);
  expect(Object.values(server.srv.stats().sizes).every((size) => size === 0))
    .toBe(true);
});
