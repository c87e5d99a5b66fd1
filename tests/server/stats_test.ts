import { expect, test } from "bun:test";
import { DURATION_BOUNDS_MS, SocketError } from "../../mod.ts";
import { createTestServer, type TestServer } from "../helpers/api.ts";
import { connect, connectMany, upgradeRequest } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

function of(srv: TestServer, kind: string, entry: string) {
  const found = srv.stats().calls.filter((it) =>
    it.kind === kind && it.entry === entry
  );
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0]?.outcomes;
}

test("connections are counted by role, and their ends by code", async () => {
  const { srv } = createTestServer();
  expect(srv.stats().roles).toEqual({ user: 0, agent: 0 });
  const users = await connectMany(srv, 3);
  await connect(srv, { role: "agent" });
  expect(srv.stats().roles).toEqual({ user: 3, agent: 1 });
  users[0]?.leave(1000);
  users[1]?.leave(3_999);
  users[2]?.leave(4_001);
  for (const conn of srv.local.connections) conn.close(4409);
  const { roles, closes } = srv.stats();
  expect(roles).toEqual({ user: 0, agent: 0 });
  expect(closes).toEqual({ "1000": 1, "4409": 1, other: 2 });
});

test("calls are counted by entry and outcome, with how long they took", async () => {
  const { srv } = createTestServer({
    authorizeSubscribe: (topic) => topic !== "news",
    onError: () => {},
  }, {
    echo: ({ text }) => {
      if (text === "full") throw new SocketError("FULL");
      if (text === "broken") throw new Error("inside");
      return { text };
    },
    run: async (_input, _ctx, _conn, { signal }) => {
      await until(() => signal.aborted);
      return { value: "" };
    },
  });
  const peer = await connect(srv);
  const agent = await connect(srv, { role: "agent" });
  await peer.call("req", 1, "echo", { text: "a" });
  await agent.call("req", 1, "echo", { text: "a" });
  await peer.call("req", 2, "echo", { text: "full" });
  await peer.call("req", 3, "echo", { text: "broken" });
  await peer.call("req", 4, "echo", {});
  await peer.call("req", 5, "constructor", {});
  await peer.call("req", 6, "typing", { room: "a" });
  await peer.call("sub", 7, "presence");
  await peer.call("sub", 8, "news");
  await peer.call("sub", 9, "nothing");
  await peer.call("auth", 10, "t");
  peer.say(["sig", "typing", { room: "a" }], ["sig", "typing", {}]);
  peer.say(["req", 11, "run", { key: "a" }], ["cancel", 11]);
  await until(() => of(srv, "request", "shared.run")?.["cancelled"]);
  expect(of(srv, "request", "shared.echo")).toEqual({
    ok: 2,
    FULL: 1,
    INTERNAL: 1,
    VALIDATION: 1,
  });
  expect(of(srv, "request", "")).toEqual({ NOT_FOUND: 2 });
  expect(of(srv, "request", "shared.run")).toEqual({ cancelled: 1 });
  expect(of(srv, "subscribe", "shared.presence")).toEqual({ ok: 1 });
  expect(of(srv, "subscribe", "shared.news")).toEqual({ FORBIDDEN: 1 });
  expect(of(srv, "subscribe", "")).toEqual({ NOT_FOUND: 1 });
  expect(of(srv, "refresh", "")).toEqual({ NOT_FOUND: 1 });
  expect(of(srv, "signal", "shared.typing")).toEqual({ ok: 1, VALIDATION: 1 });
  for (const { durations, durationMs, outcomes } of srv.stats().calls) {
    const sum = (counts: readonly number[]) =>
      counts.reduce((all, n) => all + n, 0);
    expect(durations.length).toBe(DURATION_BOUNDS_MS.length + 1);
    expect(sum(durations)).toBe(sum(Object.values(outcomes)));
    expect(durationMs).toBeGreaterThanOrEqual(0);
  }
});

test("codes that an application makes up are counted under twenty names", async () => {
  let n = 0;
  const { srv } = createTestServer({ limits: { frameBurst: 1_000 } }, {
    echo: () => {
      throw new SocketError(`CODE_${n++}`);
    },
  });
  const peer = await connect(srv);
  for (let id = 1; id <= 50; id++) {
    await peer.call("req", id, "echo", { text: "" });
  }
  const outcomes = of(srv, "request", "shared.echo") ?? {};
  expect(Object.keys(outcomes).length).toBe(21);
  expect(outcomes["OTHER"]).toBe(30);
});

test("what is called has no say in how many counts there are", async () => {
  const { srv } = createTestServer({ limits: { maxInFlight: 1_000 } });
  const peer = await connect(srv);
  for (let id = 1; id <= 300; id++) {
    peer.say(["req", id, `made up ${id}`, {}]);
    peer.say(["sig", `made up ${id}`, {}], [
      "sub",
      1_000 + id,
      `made up ${id}`,
    ]);
  }
  await peer.answer(1_300);
  peer.leave(4_999);
  expect(srv.stats().calls.length).toBe(2);
  expect(Object.keys(srv.stats().closes)).toEqual(["other"]);
});

test("refusals are counted by reason", async () => {
  let answer: () => void = () => {};
  const outcomes: Record<string, () => unknown> = {
    nobody: () => {
      throw new SocketError("UNAUTHORIZED");
    },
    banned: () => {
      throw new SocketError("BANNED");
    },
    busy: () => {
      throw new SocketError("UNAVAILABLE");
    },
    broken: () => {
      throw new Error("inside");
    },
    stranger: () => ({ role: "nobody" }),
    slow: () => new Promise<void>((resolve) => answer = resolve),
  };
  const { srv } = createTestServer({
    path: "/",
    authTimeoutMs: 30,
    limits: { maxPendingHandshakes: 1, handshakesPerSecond: 9 },
    authenticate: (request) =>
      outcomes
        [new URL(request.url).searchParams.get("name") ?? ""]?.() as never,
  });
  for (const name of Object.keys(outcomes).slice(0, 5)) {
    await connect(srv, { name });
  }
  const slow = connect(srv, { name: "slow" });
  await connect(srv, { name: "slow" });
  await slow;
  answer();
  const plain = new Request("http://app.test/");
  await srv.handshake(plain);
  await srv.handshake(new Request("http://app.test/elsewhere"));
  await srv.handshake(
    new Request("http://app.test/", { headers: { upgrade: "websocket" } }),
  );
  await connect(srv, { headers: { origin: "https://evil.test" } });
  for (let n = 0; n < 100; n++) await connect(srv, { name: "nobody" });
  await srv.close();
  await srv.handshake(upgradeRequest());
  const { refusals, refused } = srv.stats();
  expect(refusals).toMatchObject({
    forbidden: 1,
    unavailable: 1,
    failed: 2,
    authTimeoutMs: 1,
    maxPendingHandshakes: 1,
    upgrade: 1,
    path: 1,
    protocol: 1,
    origin: 1,
    closing: 1,
    unimplemented: 0,
  });
  expect(refusals.handshakesPerSecond).toBeGreaterThan(0);
  expect(refusals.unauthorized + refusals.handshakesPerSecond).toBe(101);
  expect(Object.values(refusals).reduce((all, n) => all + n)).toBe(refused);
});

test("calls that a limit refused are counted by its name", async () => {
  const { srv } = createTestServer({
    limits: {
      maxInFlight: 1,
      maxSubscriptions: 1,
      maxRooms: 1,
      framesPerSecond: 0.001,
      frameBurst: 8,
    },
  }, { run: () => new Promise(() => {}) });
  const peer = await connect(srv);
  await peer.call("sub", 1, "presence");
  await peer.call("sub", 2, "news");
  await peer.call("req", 3, "join", { room: "a" });
  await peer.call("req", 4, "join", { room: "b" });
  peer.say(["req", 5, "run", { key: "" }], ["req", 6, "run", { key: "" }]);
  await peer.answer(6);
  for (let id = 7; id < 12; id++) await peer.call("req", id, "echo", {});
  const { limits, limited } = srv.stats();
  expect(limits).toMatchObject({ maxSubscriptions: 1, maxRooms: 1 });
  expect(limits.framesPerSecond).toBe(2);
  expect(limits.maxInFlight).toBe(4);
  expect(limited).toBe(8);
});

test("drops are counted for each connection", async () => {
  const { srv } = createTestServer({
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const slow = await connect(srv);
  await connect(srv);
  slow.waiting = 2_000;
  for (let n = 0; n < 10; n++) {
    for (const conn of srv.local.connections) conn.emit("message", { n });
    await settled();
  }
  const [first, second] = srv.local.connections.map(({ dropped }) => dropped);
  expect(first).toBe(srv.stats().dropped);
  expect(first).toBeGreaterThan(5);
  expect(second).toBe(0);
});
