import { expect, test } from "bun:test";
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, type Fields } from "../helpers/peer.ts";
import { settled, thrown } from "../helpers/wait.ts";

const live = (id: number): Fields => ["res", id, { live: true }];
const text = (error: unknown) => String((error as Error).message);

test("params tell the channels of one topic apart, on every node", async () => {
  const bus = new MemoryBus();
  const [a, b] = [bus, bus].map((bus) =>
    createTestServer({ adapter: createInMemoryAdapter(bus) })
  );
  if (!a || !b) throw new Error("two were made");
  const [one, two] = [await connect(a.srv), await connect(b.srv)];
  expect(await one.call("sub", 1, ["ticket", { id: "1" }])).toEqual(live(1));
  expect(await two.call("sub", 1, ["ticket", { id: "2" }])).toEqual(live(1));
  a.srv.publish("ticket", { id: "1" }, { count: 1 });
  a.srv.publish("ticket", { id: "2" }, { count: 2 });
  b.srv.publish("ticket", { id: "1" }, { count: 3 });
  await settled();
  expect(one.of("pub")).toEqual([
    ["pub", ["ticket", { id: "1" }], { count: 1 }],
    ["pub", ["ticket", { id: "1" }], { count: 3 }],
  ]);
  expect(two.of("pub")).toEqual([
    ["pub", ["ticket", { id: "2" }], { count: 2 }],
  ]);
  expect(a.srv.local.topics).toEqual(new Map([['ticket{"id":"1"}', 1]]));
  one.say(["unsub", ["ticket", { id: "1" }]]);
  two.leave();
  await settled();
  expect(leftOver(a.srv)["channels"]).toBeUndefined();
  expect(leftOver(b.srv)["channels"]).toBeUndefined();
});

test("params are one channel in whatever order their members stand", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  peer.say(
    ["sub", 1, ["ticket", { page: 2, id: "1", open: true }]],
    ["sub", 2, ["ticket", { open: true, id: "1", page: 2 }]],
  );
  await peer.answer(2);
  expect(srv.stats().sizes["subscriptions"]).toBe(1);
  srv.publish("ticket", { open: true, page: 2, id: "1" }, { count: 1 });
  await settled();
  expect(peer.of("pub").length).toBe(1);
  peer.say(["unsub", ["ticket", { page: 2, open: true, id: "1" }]]);
  await settled();
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a role's own topic with params is published with forRole", async () => {
  const { srv } = createTestServer();
  const agent = await connect(srv, { role: "agent" });
  expect(await agent.call("sub", 1, ["desk", { floor: 3 }])).toEqual(live(1));
  srv.forRole("agent").publish("desk", { floor: 3 }, { prompt: "p" });
  srv.forRole("agent").publish("desk", { floor: 4 }, { prompt: "q" });
  await settled();
  expect(agent.of("pub")).toEqual([
    ["pub", ["desk", { floor: 3 }], { prompt: "p" }],
  ]);
  expect(srv.local.topics).toEqual(new Map([['agent:desk{"floor":3}', 1]]));
});

for (
  const [title, element, says] of [
    ["missing params", "ticket", "missing"],
    ["null", ["ticket", null], "missing"],
    ["nested params", ["ticket", { id: { a: 1 } }], "flat object"],
    ["params with a list", ["ticket", { id: ["1"] }], "flat object"],
    ["params with null", ["ticket", { id: null }], "flat object"],
    ["params of a wrong type", ["ticket", { id: 1 }], "refused"],
    ["another member", ["ticket", { id: "1", x: "2" }], "changes"],
    ["no member", ["ticket", {}], "refused"],
    ["a long text", ["ticket", { id: "x".repeat(300) }], "maxNameBytes"],
    ["params where there are none", ["presence", { id: "1" }], "has none"],
  ] as const
) {
  test(`a sub with ${title} is VALIDATION and leaves nothing`, async () => {
    const { srv } = createTestServer();
    const peer = await connect(srv);
    const [, , code, message] = await peer.call("sub", 1, element);
    expect([code, String(message)]).toEqual([
      "VALIDATION",
      expect.stringContaining(says),
    ]);
    peer.say(["unsub", element]);
    expect(leftOver(srv)).toEqual({ sessions: 1 });
    expect(srv.stats().malformed).toBe(0);
  });
}

for (
  const element of [
    1,
    null,
    [],
    ["ticket"],
    [1, null],
    ["ticket", []],
    ["ticket", "1"],
    ["ticket", null, 1],
    { name: "ticket" },
  ]
) {
  test(`a topic element ${JSON.stringify(element)} is malformed`, async () => {
    const { srv } = createTestServer();
    const peer = await connect(srv);
    peer.say(["sub", 1, element], ["unsub", element]);
    await settled();
    expect(peer.of("err").map(([, id, code]) => [id, code])).toEqual([
      [0, "BAD_REQUEST"],
      [0, "BAD_REQUEST"],
    ]);
  });
}

test("publish refuses wrong params before anybody gets the message", () => {
  const { srv } = createTestServer();
  const publish = srv.publish.bind(srv) as (...args: unknown[]) => void;
  for (const params of [undefined, { id: 1 }, { id: {} }, { id: "1", x: 1 }]) {
    const error = thrown(() => publish("ticket", params, { count: 1 }));
    expect(error).toBeInstanceOf(TypeError);
    expect(text(error)).toContain('params of topic "ticket"');
  }
  expect(srv.stats().framesOut).toBe(0);
});

test("an array of a topic without params is that topic", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  expect(await peer.call("sub", 1, ["presence", null])).toEqual(live(1));
  srv.publish("presence", { count: 1 });
  await settled();
  expect(peer.of("pub")).toEqual([["pub", "presence", { count: 1 }]]);
});

test("authorizeSubscribe and middleware are given the params as the schema returns them", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authorizeSubscribe: (topic, _ctx, _conn, params) => {
      seen.push(topic, params);
      return true;
    },
    use: async (_ctx, { name, params }, next) => {
      seen.push(name, params);
      await next();
    },
  });
  const peer = await connect(srv);
  await peer.call("sub", 1, ["ticket", { id: "1", page: 2 }]);
  await peer.call("sub", 2, "presence");
  expect(seen).toEqual([
    "ticket",
    { id: "1", page: 2 },
    "ticket",
    { id: "1", page: 2 },
    "presence",
    undefined,
    "presence",
    undefined,
  ]);
});

test("authorizeSubscribe by block: true, a function of the params, and what is not listed", async () => {
  const { srv } = createTestServer({
    authorizeSubscribe: {
      shared: {
        presence: true,
        ticket: async ({ id }, ctx, conn) => {
          await Promise.resolve();
          return id === ctx.name && conn.role === "user";
        },
        news: undefined as never, // to leave it out does not compile
      },
      agent: { task: () => false, desk: ({ floor }) => floor > 1 },
    },
  });
  const user = await connect(srv);
  const code = async (id: number, element: unknown) =>
    (await user.call("sub", id, element))[2];
  expect(await code(1, "presence")).toEqual({ live: true });
  expect(await code(2, ["ticket", { id: "ada" }])).toEqual({ live: true });
  expect(await code(3, ["ticket", { id: "bob" }])).toBe("FORBIDDEN");
  expect(await code(4, "news")).toBe("FORBIDDEN");
  const agent = await connect(srv, { role: "agent" });
  expect((await agent.call("sub", 1, "task"))[2]).toBe("FORBIDDEN");
  expect((await agent.call("sub", 2, ["desk", { floor: 1 }]))[2]).toBe(
    "FORBIDDEN",
  );
  expect(await agent.call("sub", 3, ["desk", { floor: 2 }])).toEqual(live(3));
});

for (
  const [table, says] of [
    [{ shared: { nope: true } }, 'unknown topic "shared.nope"'],
    [{ user: { task: true } }, 'did you mean "agent.task"?'],
    [{ shared: { news: 1 } }, '"shared.news": its entry is number'],
    [{ constructor: { name: true } }, '"constructor.name"'],
    [null, "must be a function or an object"],
    ["news", "must be a function or an object"],
  ] as const
) {
  test(`authorizeSubscribe ${JSON.stringify(table)} is refused when the server is made`, () => {
    const error = thrown(() =>
      createTestServer({ authorizeSubscribe: table as never })
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(text(error)).toContain(says);
  });
}

test("a name with params never meets the topic of that name", async () => {
  const payload = z.string();
  const odd = 'a{"id":"1"}';
  const contract = defineContract({
    shared: {
      serverToClient: {
        a: { payload, subscribe: true, params: z.object({ id: z.string() }) },
        [odd]: { payload, subscribe: true },
      },
    },
    roles: { user: {} },
  });
  const srv = createSocketServer(contract, {
    authenticate: () => ({ role: "user" }),
  });
  srv.implement({});
  const peer = await connect(srv);
  await peer.call("sub", 1, ["a", { id: "1" }]);
  (srv.publish.bind(srv) as (...args: unknown[]) => void)(odd, "wrong");
  await settled();
  expect(peer.of("pub")).toEqual([]);
});
