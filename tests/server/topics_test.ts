import { expect, test } from "bun:test";
import { SocketError } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, type Fields } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

/** Authorizations that the test decides, in order. */
function deferredAuthorization() {
  const decisions: ((allowed: boolean) => void)[] = [];
  return {
    decisions,
    authorizeSubscribe: () =>
      new Promise<boolean>((resolve) => decisions.push(resolve)),
  };
}

const live = (id: number): Fields => ["res", id, { live: true }];
const dead = (id: number): Fields => ["res", id, { live: false }];

test("a subscriber gets what is published, until it unsubscribes", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  expect(await peer.call("sub", 1, "presence")).toEqual(live(1));
  srv.publish("presence", { count: 1 });
  srv.publish("news", { count: 9 });
  await settled();
  peer.say(["unsub", "presence"]);
  srv.publish("presence", { count: 2 });
  await settled();
  expect(peer.of("pub")).toEqual([["pub", "presence", { count: 1 }]]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a topic of a role is published with forRole, and only that role has it", async () => {
  const { srv } = createTestServer();
  const agent = await connect(srv, { role: "agent" });
  const user = await connect(srv);
  expect(await agent.call("sub", 1, "task")).toEqual(live(1));
  expect((await user.call("sub", 1, "task"))[2]).toBe("NOT_FOUND");
  srv.forRole("agent").publish("task", { prompt: "p" });
  await settled();
  expect(agent.of("pub")).toEqual([["pub", "task", { prompt: "p" }]]);
  expect(user.of("pub")).toEqual([]);
  expect(srv.local.topics).toEqual(new Map([["agent:task", 1]]));
});

test("publish takes shared topics only, forRole that role's own only", () => {
  const { srv } = createTestServer();
  expect(() => srv.publish("task" as never, { prompt: "" } as never)).toThrow(
    TypeError,
  );
  expect(() =>
    srv.forRole("agent").publish("presence" as never, { count: 1 } as never)
  ).toThrow(TypeError);
  expect(() => srv.publish("message" as never, { n: 1 } as never)).toThrow(
    TypeError,
  );
  expect(() => srv.forRole("nobody" as never)).toThrow(TypeError);
  expect(() => srv.publish("presence", { count: "1" } as never)).toThrow(
    TypeError,
  );
});

test("an event cannot be subscribed to, nor a name on a prototype", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const names = ["message", "constructor", "__proto__", "toString", ""];
  for (const [index, name] of names.entries()) {
    expect((await peer.call("sub", index + 1, name))[2]).toBe("NOT_FOUND");
  }
  await settled();
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

for (
  const [title, decide] of [
    ["true only: not 1", () => 1 as never],
    ["true only: not an object", () => ({}) as never],
    ["false", () => false],
    ["undefined", () => undefined as never],
    ["a promise of false", () => Promise.resolve(false)],
  ] as const
) {
  test(`authorizeSubscribe lets nobody in with ${title}`, async () => {
    const { srv, errors } = createTestServer({ authorizeSubscribe: decide });
    const peer = await connect(srv);
    expect((await peer.call("sub", 1, "presence"))[2]).toBe("FORBIDDEN");
    srv.publish("presence", { count: 1 });
    await settled();
    expect(peer.of("pub")).toEqual([]);
    expect(errors).toEqual([]);
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  });
}

test("authorizeSubscribe is given the topic, the ctx and the connection", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authorizeSubscribe: (topic, ctx, conn) => {
      seen.push(topic, ctx.name, conn.id);
      return true;
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("sub", 1, "presence")).toEqual(live(1));
  expect(seen).toEqual(["presence", "ada", srv.local.connections[0]?.id]);
});

test("what authorizeSubscribe throws is INTERNAL and reported, a SocketError itself", async () => {
  const failures = [new Error("secret"), new SocketError("PAY", "first pay")];
  const { srv, errors } = createTestServer({
    authorizeSubscribe: () => {
      throw failures.shift();
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("sub", 1, "presence")).toEqual(
    ["err", 1, "INTERNAL", "The server failed"],
  );
  expect(await peer.call("sub", 2, "presence")).toEqual(
    ["err", 2, "PAY", "first pay"],
  );
  expect(errors.map(({ error }) => String(error))).toEqual(["Error: secret"]);
});

test("unsub while the sub is being authorized ends it, and leaves no ghost", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"], ["unsub", "presence"]);
  expect(await peer.answer(1)).toEqual(dead(1));
  auth.decisions[0]?.(true);
  await settled();
  srv.publish("presence", { count: 1 });
  await settled();
  expect(peer.of("pub")).toEqual([]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("the connection going while the sub is being authorized leaves no ghost", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"]);
  peer.leave();
  auth.decisions[0]?.(true);
  await settled();
  expect(srv.local.topics.size).toBe(0);
  expect(leftOver(srv)).toEqual({});
});

test("a second sub of one topic shares the first one's authorization and outcome", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"], ["sub", 2, "presence"]);
  expect(auth.decisions.length).toBe(1);
  auth.decisions[0]?.(true);
  expect(await peer.answer(1)).toEqual(live(1));
  expect(await peer.answer(2)).toEqual(live(2));
  srv.publish("presence", { count: 1 });
  await settled();
  expect(peer.of("pub").length).toBe(1);
  expect(await peer.call("sub", 3, "presence")).toEqual(live(3));
  expect(auth.decisions.length).toBe(1);
});

test("sub, unsub, sub while the first is being authorized ends subscribed, once", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"], ["unsub", "presence"], [
    "sub",
    2,
    "presence",
  ]);
  auth.decisions[1]?.(true);
  auth.decisions[0]?.(false);
  expect(await peer.answer(1)).toEqual(dead(1));
  expect(await peer.answer(2)).toEqual(live(2));
  srv.publish("presence", { count: 1 });
  await settled();
  expect(peer.of("pub").length).toBe(1);
});

for (const last of ["sub", "unsub"] as const) {
  test(`a storm of sub and unsub ends in the last intent: ${last}`, async () => {
    const { srv } = createTestServer({
      limits: { frameBurst: 10_000 },
      authorizeSubscribe: (_topic, _ctx, conn) =>
        conn.data === undefined || Math.random() < 0.5
          ? true
          : new Promise((resolve) =>
            setTimeout(resolve, Math.random() * 5, true)
          ),
    });
    const peer = await connect(srv);
    let id = 0;
    const ids: number[] = [];
    for (let round = 0; round < 60; round++) {
      if (round % 2 === 0) {
        ids.push(++id);
        peer.say(["sub", id, "presence"]);
      } else peer.say(["unsub", "presence"]);
      if (round % 7 === 0) await settled();
    }
    if (last === "sub") {
      ids.push(++id);
      peer.say(["sub", id, "presence"]);
    }
    for (const one of ids) await peer.answer(one);
    await settled();
    srv.publish("presence", { count: 1 });
    await settled();
    expect(peer.of("pub").length).toBe(last === "sub" ? 1 : 0);
    for (const one of ids) expect(peer.answersTo(one).length).toBe(1);
    peer.leave();
    await until(() => Object.keys(leftOver(srv)).length === 0);
  });
}

test("cancel of a sub that is being authorized gets no answer and leaves no ghost", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"], ["cancel", 1]);
  auth.decisions[0]?.(true);
  await settled();
  expect(peer.answersTo(1)).toEqual([]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("pub may precede the res, and order in a topic is kept", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"]);
  await settled();
  for (let count = 0; count < 500; count++) srv.publish("presence", { count });
  await settled();
  expect(peer.of("pub").map((frame) => (frame[2] as { count: number }).count))
    .toEqual(Array.from({ length: 500 }, (_, count) => count));
});

test("more topics than maxSubscriptions are RATE_LIMITED, and unsub makes space", async () => {
  const { srv } = createTestServer({ limits: { maxSubscriptions: 1 } });
  const peer = await connect(srv);
  expect(await peer.call("sub", 1, "presence")).toEqual(live(1));
  expect((await peer.call("sub", 2, "news"))[2]).toBe("RATE_LIMITED");
  expect(srv.stats().limited).toBe(1);
  peer.say(["unsub", "presence"]);
  expect(await peer.call("sub", 3, "news")).toEqual(live(3));
});

test("cancel of one of two subs leaves the other one's, and a sub after a cancel is a new intent", async () => {
  const auth = deferredAuthorization();
  const { srv } = createTestServer({
    authorizeSubscribe: auth.authorizeSubscribe,
  });
  const peer = await connect(srv);
  peer.say(["sub", 1, "presence"], ["sub", 2, "presence"], ["cancel", 1]);
  peer.say(["sub", 3, "news"], ["cancel", 3], ["sub", 4, "news"]);
  for (const decide of auth.decisions) decide(true);
  expect(await peer.answer(2)).toEqual(live(2));
  expect(await peer.answer(4)).toEqual(live(4));
  srv.publish("presence", { count: 1 });
  srv.publish("news", { count: 1 });
  await settled();
  expect(peer.of("pub").length).toBe(2);
  expect([peer.answersTo(1), peer.answersTo(3)]).toEqual([[], []]);
  expect(srv.stats().sizes["calls"]).toBe(0);
});
