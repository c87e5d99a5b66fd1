import { expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { api, createTestServer, leftOver } from "../helpers/api.ts";
import type { ScriptedSocket } from "../helpers/scripted.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";
import { scripted } from "./scripted_client.ts";

/** The ids of the subs that a socket was sent. */
function subs(socket: ScriptedSocket): [id: number, topic: string][] {
  return socket.frames.filter(([tag]) => tag === "sub").map(
    ([, id, topic]) => [Number(id), String(topic)],
  );
}

test("listeners of one topic share one subscription", async () => {
  const { srv } = createTestServer();
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: loopback(srv),
  });
  const heard: string[] = [];
  const first = client.subscribe("presence", () => heard.push("first"));
  const second = client.subscribe("presence", () => heard.push("second"));
  expect(await within(first.ready)).toEqual({ live: true });
  expect(await within(second.ready)).toEqual({ live: true });
  expect(srv.local.topics).toEqual(new Map([["presence", 1]]));
  srv.publish("presence", { count: 1 });
  await until(() => heard.length === 2);
  first();
  first();
  srv.publish("presence", { count: 2 });
  await until(() => heard.length === 3);
  second();
  await until(() => srv.local.topics.size === 0);
  expect(heard).toEqual(["first", "second", "second"]);
  client.close();
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test("a listener added later is ready with what is known", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  client.subscribe("presence", () => {});
  await settled();
  socket.receive(["res", 1, { live: true }]);
  await settled();
  const later = client.subscribe("presence", () => {});
  expect(await within(later.ready)).toEqual({ live: true });
  expect(subs(socket).length).toBe(1);
  client.close();
});

test("topics subscribe again after a reconnect, and go first", async () => {
  const { client, dialled } = scripted();
  const heard: number[] = [];
  client.subscribe("presence", ({ count }) => heard.push(count));
  const gone = client.subscribe("news", () => {});
  const first = await dialled(0);
  first.hi();
  await settled();
  expect(subs(first).map(([, topic]) => topic)).toEqual(["presence", "news"]);
  gone();
  first.end(1006);
  client.echo({ text: "waits" }).catch(() => {});
  const second = await dialled(1);
  second.hi();
  await settled();
  expect(second.frames.map(([tag]) => tag)).toEqual(["sub", "req"]);
  expect(subs(second).map(([, topic]) => topic)).toEqual(["presence"]);
  second.receive(["pub", "presence", { count: 7 }]);
  expect(heard).toEqual([7]);
  client.close();
});

test("a refusal rejects ready and reaches onError, at first and after a reconnect", async () => {
  const { client, dialled, errors } = scripted();
  const own: unknown[] = [];
  const refused = client.subscribe("news", () => {}, {
    onError: (error) => {
      own.push(error);
      throw new Error("and throws");
    },
  });
  const kept = client.subscribe("presence", () => {});
  const first = await dialled(0);
  first.hi();
  await settled();
  first.receive(["err", 1, "FORBIDDEN", "no"], ["res", 2, { live: true }]);
  expect(await rejection(refused.ready)).toMatchObject({ code: "FORBIDDEN" });
  expect(await within(kept.ready)).toEqual({ live: true });
  expect(own.length).toBe(1);
  expect(errors.length).toBe(1); // what its onError threw
  first.end(1006);
  const second = await dialled(1);
  second.hi();
  await settled();
  const [[id] = [0]] = subs(second);
  expect(subs(second).length).toBe(1);
  second.receive(["err", id, "FORBIDDEN", "no more"]);
  await until(() => errors.length === 2);
  expect(errors[1]).toMatchObject({ code: "FORBIDDEN", message: "no more" });
  second.end(1006);
  const third = await dialled(2);
  third.hi();
  await settled();
  expect(subs(third)).toEqual([]);
  client.close();
});

test("a subscription that hits a limit is tried again, and its timer dies with it", async () => {
  const { client, dialled, errors } = scripted();
  const sub = client.subscribe("presence", () => {});
  const socket = await dialled(0);
  socket.hi();
  await settled();
  socket.receive(["err", 1, "RATE_LIMITED", "later"]);
  await until(() => subs(socket).length === 2, "a second sub", 4_000);
  socket.receive(["res", subs(socket)[1]?.[0], { live: true }]);
  expect(await within(sub.ready)).toEqual({ live: true });
  expect(errors).toEqual([]);
  client.close();
});

test("unsubscribe before it is open sends nothing, and settles ready", async () => {
  const { client, dialled } = scripted();
  const sub = client.subscribe("presence", () => {});
  sub();
  expect(await within(sub.ready)).toEqual({ live: false });
  const socket = await dialled(0);
  socket.hi();
  await settled();
  expect(socket.sent).toEqual([]);
  client.close();
});

test("unsubscribe of a sub that waits behind maxInFlight leaves no ghost", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi({ maxInFlight: 1 });
  const call = client.run({ key: "" });
  const sub = client.subscribe("presence", () => {});
  await settled();
  sub();
  socket.receive(["res", 1, { value: "" }]);
  await call;
  await settled();
  expect(subs(socket)).toEqual([]);
  client.close();
});

test("subscribe, unsubscribe and subscribe in one turn ends subscribed", async () => {
  const { srv } = createTestServer();
  const client = createClient(api, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: loopback(srv),
  });
  await client.ready;
  const heard: string[] = [];
  const first = client.subscribe("presence", () => heard.push("first"));
  first();
  const second = client.subscribe("presence", () => heard.push("second"));
  expect(await within(second.ready)).toEqual({ live: true });
  srv.publish("presence", { count: 1 });
  await until(() => heard.length > 0);
  expect(heard).toEqual(["second"]);
  client.close();
});

test("close rejects what is not ready yet, and a subscription after it", async () => {
  const { client } = scripted();
  const before = client.subscribe("presence", () => {});
  client.close();
  const after = client.subscribe("presence", () => {});
  expect(await rejection(before.ready)).toMatchObject({ code: "DISCONNECTED" });
  expect(await rejection(after.ready)).toMatchObject({ code: "DISCONNECTED" });
  after();
});

test("ready outlives a reconnect that comes before the answer", async () => {
  const { client, dialled, errors } = scripted();
  const sub = client.subscribe("presence", () => {});
  const first = await dialled(0);
  first.hi();
  await settled();
  first.end(1006);
  const second = await dialled(1);
  second.hi();
  await settled();
  second.receive(["res", subs(second)[0]?.[0], { live: true }]);
  expect(await within(sub.ready)).toEqual({ live: true });
  expect(errors).toEqual([]);
  client.close();
});

test("a topic's listener that throws hurts nobody", async () => {
  const { client, dialled, errors } = scripted();
  const heard: number[] = [];
  client.subscribe("presence", () => {
    throw new Error("listener");
  });
  client.subscribe("presence", ({ count }) => heard.push(count));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["pub", "presence", { count: 1 }]);
  expect(heard).toEqual([1]);
  expect(errors.length).toBe(1);
  client.close();
});

test("listeners of equal params share one subscription, and of others have their own", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  const got: string[] = [];
  const hear = (tag: string) => ({ count }: { count: number }) =>
    void got.push(`${tag}${count}`);
  const one = client.subscribe("ticket", { page: 1, id: "1" }, hear("a"));
  client.subscribe("ticket", { id: "1", page: 1 }, hear("b"));
  client.subscribe("ticket", { id: "2" }, hear("c"));
  await settled();
  expect(socket.frames).toEqual([
    ["sub", 1, ["ticket", { id: "1", page: 1 }]],
    ["sub", 2, ["ticket", { id: "2" }]],
  ]);
  socket.receive(
    ["pub", ["ticket", { page: 1, id: "1" }], { count: 1 }],
    ["pub", ["ticket", { id: "2" }], { count: 2 }],
    ["pub", ["ticket", { id: "3" }], { count: 3 }],
    ["pub", "ticket", { count: 4 }],
    ["pub", ["ticket", 5], { count: 5 }],
    ["pub", ["ticket", { id: ["1"] }], { count: 6 }],
  );
  expect(got).toEqual(["a1", "b1", "c2"]);
  one();
  await settled();
  expect(socket.frames.at(-1)?.[0]).toBe("sub");
});

test("params that are not flat are a TypeError, and nothing is sent", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  const subscribe = client.subscribe.bind(client) as (
    ...args: unknown[]
  ) => unknown;
  for (const params of [undefined, null, "1", ["1"], { id: {} }, { id: NaN }]) {
    expect(() => subscribe("ticket", params, () => {})).toThrow(TypeError);
  }
  await settled();
  expect(socket.frames).toEqual([]);
});

test("a server without params rejects locally with UNAVAILABLE, and is sent nothing", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi({ features: [] });
  const errors: unknown[] = [];
  const sub = client.subscribe("ticket", { id: "1" }, () => {}, {
    onError: (error) => errors.push(error),
  });
  expect(await rejection(sub.ready)).toMatchObject({ code: "UNAVAILABLE" });
  expect(errors).toHaveLength(1);
  expect(socket.frames).toEqual([]);
  const news = client.subscribe("news", () => {});
  await settled();
  expect(socket.frames).toEqual([["sub", 1, "news"]]);
  news();
});
