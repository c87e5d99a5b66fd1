import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract, SocketError } from "../../mod.ts";
import { type ClientOptions, createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import {
  api,
  createTestServer,
  leftOver,
  type Overrides,
} from "../helpers/api.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";
import { scripted } from "./scripted_client.ts";

function pair(
  handlers: Overrides = {},
  options: Partial<ClientOptions<"user">> = {},
) {
  const made = createTestServer({}, handlers);
  const client = createClient(api, {
    url: "http://app.test/",
    role: "user",
    WebSocket: loopback(made.srv),
    ...options,
  });
  return { ...made, client };
}

test("a client has a method for each request and signal of its role, and no other", async () => {
  const { client } = pair();
  expect(await client.echo({ text: "hi" })).toEqual({ text: "hi" });
  expect(await client.whoami({})).toEqual({ name: "ada", level: 1 });
  expect(client.typing({ room: "a" })).toBeUndefined();
  expect("act" in client).toBe(false);
  client.close();
});

test("calls before it is open wait, and leave in order", async () => {
  const keys: string[] = [];
  const { client } = pair({
    run: ({ key }) => {
      keys.push(key);
      return { value: key };
    },
  });
  const answers = ["a", "b", "c"].map((key) => client.run({ key }));
  expect(client.state).toBe("connecting");
  expect(await Promise.all(answers)).toEqual(
    [{ value: "a" }, { value: "b" }, { value: "c" }],
  );
  expect(keys).toEqual(["a", "b", "c"]);
  client.close();
});

test("a call rejects with the server's error, code and data", async () => {
  const { client } = pair({
    echo: () => {
      throw new SocketError("SOLD_OUT", "none", { waiting: 1 });
    },
  });
  expect(await rejection(client.echo({ text: "" }))).toMatchObject({
    code: "SOLD_OUT",
    message: "none",
    data: { waiting: 1 },
  });
  expect(await rejection(client.run({ key: 5 } as never))).toMatchObject({
    code: "VALIDATION",
    data: { issues: [{ path: ["key"] }] },
  });
  client.close();
});

test("a time-out rejects with TIMEOUT and cancels the handler", async () => {
  let aborted = false;
  const { client, srv } = pair({
    run: (_input, _ctx, _conn, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new SocketError("GONE"));
        })
      ),
  });
  await client.ready;
  expect(await rejection(client.run({ key: "" }, { timeoutMs: 5 })))
    .toMatchObject({ code: "TIMEOUT" });
  await until(() => aborted);
  await until(() => leftOver(srv)["calls"] === undefined);
  client.close();
});

test("a signal aborts a call with its reason and cancels the handler", async () => {
  let aborted = false;
  const { client } = pair({
    run: (_input, _ctx, _conn, { signal }) =>
      new Promise(() => signal.addEventListener("abort", () => aborted = true)),
  });
  await client.ready;
  const controller = new AbortController();
  const call = client.run({ key: "" }, { signal: controller.signal });
  await settled();
  controller.abort(new Error("mine"));
  expect(String(await rejection(call))).toBe("Error: mine");
  await until(() => aborted);
  client.close();
});

test("an aborted signal rejects at once, and nothing is sent", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  const call = client.run({ key: "" }, { signal: AbortSignal.abort("why") });
  expect(await rejection(call)).toBe("why");
  await settled();
  expect(socket.sent).toEqual([]);
  client.close();
});

test("a call that was aborted before it was sent is never sent", async () => {
  const { client, dialled } = scripted();
  const controller = new AbortController();
  const call = client.run({ key: "a" }, { signal: controller.signal });
  const late = client.run({ key: "b" }, { timeoutMs: 1 });
  const socket = await dialled(0);
  controller.abort("why");
  expect(await rejection(call)).toBe("why");
  expect(await rejection(late)).toMatchObject({ code: "TIMEOUT" });
  socket.hi();
  await settled();
  expect(socket.sent).toEqual([]);
  client.close();
});

test("a settled call leaves no abort listener behind", async () => {
  const { client } = pair();
  const listeners = new Set<unknown>();
  const { signal } = new AbortController();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = ((type: "abort", fn: () => void) => {
    listeners.add(fn);
    add(type, fn);
  }) as never;
  signal.removeEventListener = ((type: "abort", fn: () => void) => {
    listeners.delete(fn);
    remove(type, fn);
  }) as never;
  await Promise.all(
    Array.from({ length: 50 }, () => client.echo({ text: "" }, { signal })),
  );
  await rejection(client.run({ key: 1 } as never, { signal }));
  expect(listeners.size).toBe(0);
  client.close();
});

test("a timeoutMs of Infinity, or beyond what a timer takes, never fires", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  let settledCalls = 0;
  for (const timeoutMs of [Infinity, 2 ** 40]) {
    client.run({ key: "" }, { timeoutMs }).catch(() => settledCalls++);
  }
  await settled();
  await settled();
  expect(settledCalls).toBe(0);
  client.close();
  await until(() => settledCalls === 2);
});

test("more calls than maxQueued reject with UNAVAILABLE, and the others still go out", async () => {
  const { client, dialled } = scripted({ maxQueued: 2 });
  const calls = ["a", "b", "c"].map((key) => client.run({ key }));
  expect(await rejection(calls[2] as Promise<unknown>)).toMatchObject({
    code: "UNAVAILABLE",
  });
  const socket = await dialled(0);
  socket.hi();
  await settled();
  expect(socket.frames.map((frame) => frame[3])).toEqual(
    [{ key: "a" }, { key: "b" }],
  );
  client.close();
  await Promise.allSettled(calls);
});

test("no more calls are in flight than the server's maxInFlight, and none is lost", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi({ maxInFlight: 2 });
  const calls = ["a", "b", "c"].map((key) => client.run({ key }));
  await settled();
  expect(socket.frames.length).toBe(2);
  socket.receive(["res", 1, { value: "1" }]);
  await settled();
  expect(socket.frames.length).toBe(3);
  socket.receive(["res", 3, { value: "3" }], ["res", 2, { value: "2" }]);
  expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(
    ["1", "2", "3"],
  );
  client.close();
});

test("all that is called in one turn leaves as one message", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  const calls = Array.from({ length: 10 }, () => client.run({ key: "" }));
  client.typing({ room: "a" });
  client.subscribe("presence", () => {});
  await settled();
  expect(socket.sent.length).toBe(1);
  expect(socket.frames.map(([tag]) => tag)).toEqual(
    [...Array(10).fill("req"), "sig", "sub"],
  );
  client.close();
  await Promise.allSettled(calls);
});

test("a larger frame than the server takes is BAD_REQUEST, before it is sent", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi({ maxMessageBytes: 50 });
  expect(await rejection(client.run({ key: "x".repeat(60) }))).toMatchObject({
    code: "BAD_REQUEST",
  });
  expect(socket.sent).toEqual([]);
  client.close();
});

test("an input that JSON refuses rejects its own call only", async () => {
  const { client } = pair();
  expect(await rejection(client.echo({ text: 1n } as never))).toBeInstanceOf(
    TypeError,
  );
  expect(await client.echo({ text: "a" })).toEqual({ text: "a" });
  client.close();
});

test("signals are not queued while it is not open", async () => {
  const { client, dialled } = scripted();
  client.typing({ room: "a" });
  const socket = await dialled(0);
  socket.hi();
  await settled();
  expect(socket.sent).toEqual([]);
  client.close();
  expect(() => client.typing({ room: "a" })).not.toThrow();
});

test("a role that the contract has not is a TypeError", () => {
  const at = { url: "ws://app.test/", role: "nobody" as never };
  expect(() => createClient(api, at)).toThrow(TypeError);
  expect(() => createClient(api, { ...at, role: "constructor" as never }))
    .toThrow(TypeError);
});

test("a request without input, and one of any JSON, cross unchanged", async () => {
  const contract = defineContract({
    roles: {
      user: {
        clientToServer: {
          nothing: { input: z.undefined(), output: z.undefined() },
          any: { input: z.json(), output: z.json() },
        },
      },
    },
  });
  const srv = createSocketServer(contract, {
    authenticate: () => ({ role: "user" as const }),
  }).implement({
    user: { nothing: () => undefined, any: (value) => value },
  });
  const client = createClient(contract, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: loopback(srv),
  });
  expect(await client.nothing()).toBeUndefined();
  const values = [null, 0, "", false, [], {}, "\n\r\0\u2028😀", { a: ["\n"] }];
  for (const value of values) expect(await client.any(value)).toEqual(value);
  client.close();
  await within(srv.close());
});
