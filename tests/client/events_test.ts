import { expect, test } from "bun:test";
import { rejection, settled, thrown, until } from "../helpers/wait.ts";
import { scripted } from "./scripted_client.ts";

test("events reach every listener in order, and a throwing one hurts nobody", async () => {
  const { client, dialled, errors } = scripted();
  const heard: number[] = [];
  const off = client.on("message", () => {
    throw new Error("listener");
  });
  client.on("message", () => Promise.reject(new Error("async listener")));
  client.on("message", ({ n }) => heard.push(n));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["evt", "message", { n: 1 }], ["evt", "message", { n: 2 }]);
  off();
  off();
  socket.receive(["evt", "message", { n: 3 }]);
  expect(heard).toEqual([1, 2, 3]);
  await until(() => errors.length === 5);
  client.close();
});

test("a throwing onError hurts nobody", async () => {
  const { client, dialled } = scripted({
    onError: () => {
      throw new Error("onError");
    },
  });
  const heard: number[] = [];
  client.on("message", () => {
    throw new Error("listener");
  });
  client.on("message", ({ n }) => heard.push(n));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["evt", "message", { n: 1 }]);
  expect(heard).toEqual([1]);
  client.close();
});

test("a listener added or removed during a delivery counts from the next on", async () => {
  const { client, dialled } = scripted();
  const heard: string[] = [];
  const off = client.on("message", () => {
    heard.push("first");
    off();
    client.on("message", () => heard.push("late"));
  });
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["evt", "message", { n: 1 }]);
  socket.receive(["evt", "message", { n: 2 }]);
  expect(heard).toEqual(["first", "late"]);
  client.close();
});

test("nothing is delivered after close, not even the rest of one message", async () => {
  const { client, dialled } = scripted();
  const heard: number[] = [];
  client.on("message", ({ n }) => {
    heard.push(n);
    client.close();
  });
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["evt", "message", { n: 1 }], ["evt", "message", { n: 2 }], [
    "hi",
    { v: 1 },
  ]);
  socket.receive(["evt", "message", { n: 3 }]);
  expect(heard).toEqual([1]);
  expect(client.state).toBe("closed");
});

test("frames that come with hi in one message are taken", async () => {
  const { client, sockets } = scripted();
  const heard: number[] = [];
  client.on("message", ({ n }) => heard.push(n));
  await until(() => sockets.length === 1);
  sockets[0]?.open();
  sockets[0]?.receive(["hi", {
    v: 1,
    id: "a",
    role: "user",
    serializer: "json",
    heartbeatMs: 25_000,
    maxMessageBytes: 1e6,
    maxInFlight: 64,
    maxSubscriptions: 64,
  }], ["evt", "message", { n: 1 }]);
  expect(heard).toEqual([1]);
  client.close();
});

test("unknown tags, names and answers are ignored, malformed frames reported", async () => {
  const { client, dialled, errors } = scripted();
  const heard: unknown[] = [];
  client.on("message", (payload) => heard.push(payload));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(
    ["new", 1],
    ["evt", "unheard", {}],
    ["evt", "constructor", {}],
    ["pub", "__proto__", {}],
    ["res", 99, {}],
    ["err", 98, "X", "y"],
    ["res", "1", {}],
    ["evt", { a: 1 }, {}],
    ["res"],
    ["evt"],
    ["pub"],
  );
  expect(errors).toEqual([]);
  for (const text of ["null", "1", "{}", "[]", "", "[1]", "not json"]) {
    socket.text(text);
  }
  expect(errors.length).toBe(7);
  socket.receive(["err", 0, "BAD_REQUEST", "about the connection"]);
  expect(errors[7]).toMatchObject({ code: "BAD_REQUEST" });
  socket.receive(["evt", "message", { n: 1 }]);
  expect(heard).toEqual([{ n: 1 }]);
  client.close();
});

test("validate inbound runs what comes in through the schemas", async () => {
  const { client, dialled, errors } = scripted({ validate: "inbound" });
  const heard: unknown[] = [];
  client.on("message", (payload) => heard.push(payload));
  client.subscribe("presence", (payload) => heard.push(payload));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(
    ["evt", "message", { n: "1" }],
    ["evt", "message", { n: 1, stray: 1 }],
    ["pub", "presence", {}],
    ["pub", "presence", { count: 1 }],
  );
  expect(heard).toEqual([{ n: 1 }, { count: 1 }]);
  expect(errors.length).toBe(2);
  const call = client.run({ key: "" });
  socket.receive(["res", 2, { value: 5 }]);
  expect(await rejection(call)).toMatchObject({ code: "VALIDATION" });
  client.close();
});

test("without validate what comes in is handed on as it is", async () => {
  const { client, dialled } = scripted();
  const heard: unknown[] = [];
  client.on("message", (payload) => heard.push(payload));
  const socket = await dialled(0);
  socket.hi();
  socket.receive(["evt", "message", { n: "1" }]);
  expect(heard).toEqual([{ n: "1" }]);
  client.close();
});

test("on and subscribe refuse a name of the other kind, of another role, of a prototype", () => {
  const { client } = scripted();
  const names = ["presence", "order", "constructor", "__proto__"] as never[];
  for (const name of names) {
    expect(thrown(() => client.on(name, () => {}))).toBeInstanceOf(TypeError);
  }
  for (const name of ["message", "task", "toString"] as never[]) {
    expect(thrown(() => client.subscribe(name, () => {}))).toBeInstanceOf(
      TypeError,
    );
  }
  client.close();
});

test("JSON.stringify and await of a client send nothing", async () => {
  const { client, dialled } = scripted();
  const socket = await dialled(0);
  socket.hi();
  expect(JSON.stringify(client)).toBe('{"role":"user"}');
  expect(await (client as unknown)).toBe(client);
  expect(`${client}`).toBe("[object Object]");
  expect(Object.keys(client)).toEqual(["role"]);
  await settled();
  expect(socket.sent).toEqual([]);
  client.close();
});
