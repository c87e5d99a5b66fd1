import { expect, test } from "bun:test";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { fromBase64 } from "../../src/wire/bytes.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { api, createTestServer } from "../helpers/api.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";
import { scripted } from "./scripted_client.ts";

test("onStatus tells every change, with code, reason and whether it retries", async () => {
  const { client, dialled, states } = scripted();
  const first = await dialled(0);
  first.hi();
  first.end(1012, "restart");
  const second = await dialled(1);
  second.hi();
  client.close();
  client.close();
  expect(states).toEqual([
    { state: "open", willRetry: true, transport: "webSocket" },
    {
      state: "waiting",
      code: 1012,
      reason: "restart",
      willRetry: true,
      retryInMs: expect.any(Number),
    },
    { state: "connecting", code: 1012, reason: "restart", willRetry: true },
    { state: "open", willRetry: true, transport: "webSocket" },
    { state: "closed", code: 1000, reason: "", willRetry: false },
  ]);
});

test("a browser that is on a network again dials at once", async () => {
  const { client, dialled } = scripted({
    reconnectBaseMs: 1e6,
    reconnectMaxMs: 1e6,
  });
  (await dialled(0)).end(1006, "");
  globalThis.dispatchEvent(new Event("online"));
  (await dialled(1)).hi();
  await within(client.ready);
  client.close();
});

test("what onReconnect calls leaves before the calls that waited", async () => {
  const { client, dialled } = scripted();
  const first = await dialled(0);
  first.hi();
  client.onReconnect(() => void client.echo({ text: "join" }).catch(() => {}));
  first.end(1012, "restart");
  client.echo({ text: "waited" }).catch(() => {});
  const second = await dialled(1);
  second.hi();
  await settled();
  expect(second.frames.map((fields) => fields[3])).toEqual([
    { text: "join" },
    { text: "waited" },
  ]);
  client.close();
});

test("a WebSocket that fires nothing but error is dialled again", async () => {
  const { client, dialled, states } = scripted();
  (await dialled(0)).fail();
  (await dialled(1)).fail();
  (await dialled(2)).hi();
  await within(client.ready);
  expect(states[0]).toMatchObject({ state: "waiting", code: 1006 });
  client.close();
});

test("where close follows error, its code counts", async () => {
  const { client, dialled, states } = scripted();
  const socket = await dialled(0);
  socket.fail();
  socket.end(4401, "log in");
  await settled();
  expect(states.at(-1)).toMatchObject({ state: "closed", code: 4401 });
  client.close();
});

test("a WebSocket whose constructor throws is an attempt that failed", async () => {
  let dials = 0;
  class Broken {
    constructor() {
      dials++;
      throw new SyntaxError("no such scheme");
    }
  }
  const errors: unknown[] = [];
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: Broken as never,
    reconnectBaseMs: 1,
    onError: (error) => errors.push(error),
  });
  await until(() => dials > 2);
  expect(errors[0]).toBeInstanceOf(SyntaxError);
  client.close();
});

test("sent calls reject with DISCONNECTED on a drop, unsent ones go out after it", async () => {
  const { client, dialled } = scripted();
  const first = await dialled(0);
  first.hi({ maxInFlight: 1 });
  const sent = client.run({ key: "sent" });
  const waits = client.run({ key: "waits" });
  await settled();
  first.end(1006);
  expect(await rejection(sent)).toMatchObject({ code: "DISCONNECTED" });
  const second = await dialled(1);
  second.hi();
  await settled();
  expect(second.frames.map((frame) => frame[3])).toEqual([{ key: "waits" }]);
  second.receive(["res", second.frames[0]?.[1], { value: "ok" }]);
  expect(await within(waits)).toEqual({ value: "ok" });
  client.close();
});

test("an answer of an earlier connection settles nothing", async () => {
  const { client, dialled } = scripted();
  const first = await dialled(0);
  first.hi();
  first.end(1006);
  const call = client.run({ key: "" });
  const second = await dialled(1);
  second.hi();
  first.receive(["res", 1, { value: "of the dead" }]);
  await settled();
  second.receive(["res", 1, { value: "right" }]);
  expect(await within(call)).toEqual({ value: "right" });
  client.close();
});

test("ready settles: when open, anew after a drop, and when there will be none", async () => {
  const { client, dialled } = scripted();
  const first = client.ready;
  (await dialled(0)).hi();
  await within(first);
  (await dialled(0)).end(1006);
  const second = client.ready;
  expect(second).not.toBe(first);
  (await dialled(1)).hi();
  await within(second);
  (await dialled(1)).end(1006);
  const third = client.ready;
  client.close();
  expect(await rejection(third)).toMatchObject({ code: "DISCONNECTED" });
  expect(await rejection(client.ready)).toMatchObject({ code: "DISCONNECTED" });
});

test("with reconnect false one loss is the end", async () => {
  const { client, dialled, states, sockets } = scripted({ reconnect: false });
  const call = client.run({ key: "" });
  (await dialled(0)).end(1006);
  expect(await rejection(call)).toMatchObject({ code: "DISCONNECTED" });
  expect(await rejection(client.ready)).toMatchObject({ code: "DISCONNECTED" });
  await settled();
  expect(states.at(-1)).toMatchObject({ state: "closed", willRetry: false });
  expect(sockets.length).toBe(1);
});

for (const code of [4400, 4401, 4403, 4409]) {
  test(`close code ${code} ends it for good`, async () => {
    const { client, dialled, states, sockets } = scripted();
    const call = client.run({ key: "" });
    const socket = await dialled(0);
    socket.hi();
    socket.end(code, "go away");
    expect(await rejection(call)).toMatchObject({
      code: "DISCONNECTED",
      message: expect.stringContaining("go away"),
    });
    expect(states.at(-1)).toEqual(
      { state: "closed", code, reason: "go away", willRetry: false },
    );
    await settled();
    expect(sockets.length).toBe(1);
    expect(await rejection(client.run({ key: "" }))).toMatchObject({
      code: "DISCONNECTED",
    });
  });
}

for (const code of [1000, 1001, 1005, 1006, 1009, 1011, 1012, 4408, 3000]) {
  test(`close code ${code} is followed by another attempt`, async () => {
    const { client, dialled, states } = scripted();
    (await dialled(0)).hi();
    (await dialled(0)).end(code);
    expect(states.at(-1)).toMatchObject({ code, willRetry: true });
    await dialled(1);
    client.close();
  });
}

test("4410 dials at once, with a fresh token", async () => {
  let asked = 0;
  const { client, dialled, sockets } = scripted({
    reconnectBaseMs: 60_000,
    token: () => `token ${++asked}`,
  });
  (await dialled(0)).hi();
  (await dialled(0)).end(4410, "expired");
  const second = await dialled(1);
  expect(second.protocols[1]).not.toBe(sockets[0]?.protocols[1]);
  expect(asked).toBe(2);
  client.close();
});

for (
  const [title, hello] of [
    ["another role", { role: "agent" }],
    ["a role of 256 characters", { role: "ä".repeat(256) }],
    ["another serializer", { serializer: "msgpack" }],
    ["another version", { v: 2 as never }],
  ] as const
) {
  test(`hi with ${title} stops the client with 4400`, async () => {
    const { client, dialled, states, errors } = scripted();
    const call = client.run({ key: "" });
    const socket = await dialled(0);
    socket.hi(hello);
    expect(socket.closed?.code).toBe(4400);
    expect(states.at(-1)).toMatchObject({ state: "closed", code: 4400 });
    expect(await rejection(call)).toMatchObject({ code: "DISCONNECTED" });
    expect(socket.sent).toEqual([]);
    expect(errors).toEqual([]);
  });
}

test("hi that is no object stops the client with 4400", async () => {
  for (const hello of [null, undefined, 5, "hi"]) {
    const { dialled, states } = scripted();
    const socket = await dialled(0);
    socket.open();
    socket.receive(["hi", hello]);
    expect(states.at(-1)).toMatchObject({ state: "closed", code: 4400 });
  }
});

test("url, params and token are asked at every attempt, functions and promises too", async () => {
  let attempt = 0;
  const { client, dialled } = scripted({
    url: () => `http://node${++attempt}.test/path?keep=1`,
    params: async () =>
      await Promise.resolve({ n: String(attempt), role: "x" }),
    token: async () => await Promise.resolve(`secret ${attempt}`),
  });
  for (const n of [1, 2]) {
    const socket = await dialled(n - 1);
    const url = new URL(socket.url);
    expect(url.origin).toBe(`ws://node${n}.test`);
    expect(Object.fromEntries(url.searchParams)).toEqual(
      { keep: "1", n: String(n), role: "user" },
    );
    const [, token = ""] = socket.protocols;
    const base64 = token.slice("superline.token.".length);
    expect(new TextDecoder().decode(fromBase64(base64))).toBe(`secret ${n}`);
    socket.end(1006);
  }
  client.close();
});

test("a token that throws is an attempt that failed, and is asked again", async () => {
  let asked = 0;
  const { client, dialled, errors } = scripted({
    token: () => {
      if (++asked === 1) throw new Error("no token yet");
      return "token";
    },
  });
  (await dialled(0)).hi();
  await within(client.ready);
  expect(errors.length).toBe(1);
  client.close();
});

test("a token is never in the URL and reaches authenticate whole", async () => {
  const token = "a token, with = / + and ü 😀\n";
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authenticate: (request, info) => {
      seen.push(info.token, request.url.includes("token"));
      return { role: "user", ctx: { name: "" }, data: { name: "" } };
    },
  });
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    token,
    WebSocket: loopback(srv),
  });
  await within(client.ready);
  expect(seen).toEqual([token, false]);
  client.close();
});

test("onReconnect is told each time but the first, onGap what was dropped", async () => {
  const { client, dialled } = scripted();
  let reconnects = 0;
  const gaps: unknown[] = [];
  const off = client.onReconnect(() => reconnects++);
  client.onGap((gap) => gaps.push(gap));
  (await dialled(0)).hi();
  expect(reconnects).toBe(0);
  (await dialled(0)).receive(["gap", { dropped: 3 }]);
  (await dialled(0)).end(1006);
  (await dialled(1)).hi();
  expect(reconnects).toBe(1);
  off();
  (await dialled(1)).end(1006);
  (await dialled(2)).hi();
  expect(reconnects).toBe(1);
  expect(gaps).toEqual([{ dropped: 3 }]);
  client.close();
});

test("away holds what is new, lets what is under way finish, and comes back", async () => {
  const { client, dialled, states } = scripted({ reconnectBaseMs: 60_000 });
  const first = await dialled(0);
  first.hi();
  const under = client.run({ key: "under way" });
  await settled();
  first.receive(["away", { withinMs: 0 }]);
  await settled();
  const later = client.run({ key: "new" });
  await settled();
  expect(first.frames.length).toBe(1);
  expect(client.state).toBe("open");
  first.receive(["res", 1, { value: "done" }]);
  expect(await within(under)).toEqual({ value: "done" });
  const second = await dialled(1);
  expect(first.closed?.code).toBe(1000);
  second.hi();
  await settled();
  expect(second.frames.map((frame) => frame[3])).toEqual([{ key: "new" }]);
  expect(states.map(({ state }) => state)).toEqual(
    ["open", "waiting", "connecting", "open"],
  );
  client.close();
  await rejection(later);
});

test("a drop while away drains comes back once, and sends again", async () => {
  const { client, dialled, sockets } = scripted();
  const first = await dialled(0);
  first.hi();
  const under = client.run({ key: "" });
  await settled();
  first.receive(["away", { withinMs: 0 }]);
  await settled();
  first.end(1012);
  expect(await rejection(under)).toMatchObject({ code: "DISCONNECTED" });
  const second = await dialled(1);
  second.hi();
  const call = client.run({ key: "again" });
  await settled();
  expect(second.frames.length).toBe(1);
  expect(sockets.length).toBe(2);
  client.close();
  await rejection(call);
});

test("close within onStatus leaves nothing open", async () => {
  for (const state of ["open", "waiting", "connecting"]) {
    const { client, dialled, sockets } = scripted();
    let reconnects = 0;
    client.onReconnect(() => reconnects++);
    const first = await dialled(0);
    if (state !== "open") first.hi();
    client.onStatus((status) => status.state === state && client.close());
    if (state === "open") first.hi();
    else first.end(1006);
    await until(() => client.state === "closed");
    await settled();
    expect(client.id).toBeUndefined();
    expect(await rejection(client.ready)).toMatchObject({
      code: "DISCONNECTED",
    });
    expect(sockets.length).toBe(1);
    expect(reconnects).toBe(0);
  }
});

test("a server with another serializer stops the client, over the real protocol too", async () => {
  const definition = { roles: { user: {} } };
  const plain = defineContract(definition);
  const packed = defineContract({
    ...definition,
    serializer: {
      name: "packed",
      encode: (value) => JSON.stringify(value),
      decode: (text) => JSON.parse(String(text)),
    },
  });
  const srv = createSocketServer(plain, {
    authenticate: () => ({ role: "user" as const }),
  }).implement({});
  const client = createClient(packed, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: loopback(srv),
  });
  expect(await rejection(client.ready)).toMatchObject({
    message: expect.stringContaining("serializer"),
  });
  expect(client.state).toBe("closed");
});
