import { FEATURES } from "../../src/wire/protocol.ts";
import { expect, jest, test } from "bun:test";
import { SocketError } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, connectMany, upgradeRequest } from "../helpers/peer.ts";
import { settled, until, within } from "../helpers/wait.ts";

test("a connection that is silent for heartbeatTimeoutMs is closed with 4408, one that pings is not", async () => {
  const { srv } = createTestServer({ heartbeatTimeoutMs: 200 });
  const silent = await connect(srv);
  const pings = await connect(srv);
  const ponged = await connect(srv);
  await until(() => {
    pings.events?.message("ping");
    ponged.events?.alive();
    return silent.end;
  });
  expect(silent.end?.code).toBe(4408);
  expect([pings.end, ponged.end]).toEqual([undefined, undefined]);
  pings.leave();
  ponged.leave();
  expect(leftOver(srv)).toEqual({});
});

test("hi tells the limits that the server was given", async () => {
  const expiresAt = Date.now() + 1e9;
  const { srv } = createTestServer({
    heartbeatMs: 7_000,
    limits: { maxMessageBytes: 9_999, maxInFlight: 3, maxSubscriptions: 4 },
    authenticate: () => ({ role: "agent", ctx: { name: "" }, expiresAt }),
  });
  const peer = await connect(srv);
  expect(peer.of("hi")[0]?.[1]).toEqual({
    v: 1,
    id: srv.local.connections[0]?.id,
    role: "agent",
    serializer: "json",
    heartbeatMs: 7_000,
    maxMessageBytes: 9_999,
    maxInFlight: 3,
    maxSubscriptions: 4,
    features: FEATURES,
    expiresAt,
  });
});

test("a login that has ended closes with 4410, one of 30 days does not", async () => {
  jest.useFakeTimers();
  try {
    let expiresAt: number | Date = Date.now() + 5_000;
    const { srv } = createTestServer({
      authenticate: () =>
        ({ role: "agent", ctx: { name: "" }, expiresAt }) as never,
    });
    const short = await connect(srv);
    expiresAt = new Date(Date.now() + 30 * 86_400_000);
    const long = await connect(srv);
    for (let ms = 0; ms < 7_000; ms += 500) jest.advanceTimersByTime(500);
    expect(short.end?.code).toBe(4410);
    expect(long.end).toBeUndefined();
    long.leave();
    expect(leftOver(srv)).toEqual({});
  } finally {
    jest.useRealTimers();
  }
});

test("auth with a new token moves the end of the login", async () => {
  const tokens: string[] = [];
  const { srv } = createTestServer({
    heartbeatTimeoutMs: 400,
    authenticate: () => ({
      role: "agent",
      ctx: { name: "" },
      expiresAt: Date.now() + 50,
    }),
    refresh: (token, conn, { signal }) => {
      tokens.push(token, conn.role, String(signal.aborted));
      return { role: "agent", expiresAt: new Date(4e12) };
    },
  });
  const renewed = await connect(srv);
  const other = await connect(srv);
  expect(await renewed.call("auth", 1, "fresh")).toEqual(
    ["res", 1, { expiresAt: 4e12 }],
  );
  await until(() => other.end);
  expect(other.end?.code).toBe(4410);
  expect(renewed.end).toBeUndefined();
  expect(tokens).toEqual(["fresh", "agent", "false"]);
  renewed.leave();
});

test("auth: refused, failed, of another role, and without refresh", async () => {
  const outcomes: (() => never)[] = [
    () => {
      throw new SocketError("UNAUTHORIZED", "stale");
    },
    () => {
      throw new Error("inside");
    },
    () => undefined as never,
    () => ({ role: "user" }) as never,
  ];
  const { srv, errors } = createTestServer({
    refresh: () => outcomes.shift()?.() as never,
  });
  const peer = await connect(srv, { role: "agent" });
  expect(await peer.call("auth", 1, "t")).toEqual(
    ["err", 1, "UNAUTHORIZED", "stale"],
  );
  expect((await peer.call("auth", 2, "t"))[2]).toBe("INTERNAL");
  expect((await peer.call("auth", 3, "t"))[2]).toBe("INTERNAL");
  expect(errors.length).toBe(2);
  expect(peer.end).toBeUndefined();
  peer.say(["auth", 4, "t"]);
  await until(() => peer.end);
  expect(peer.end?.code).toBe(4403);
  const none = await connect(createTestServer().srv);
  expect((await none.call("auth", 1, "t"))[2]).toBe("NOT_FOUND");
});

test("a refresh that answers after the connection went does nothing", async () => {
  let answer: (result: never) => void = () => {};
  let aborted = false;
  const { srv } = createTestServer({
    refresh: (_token, _conn, { signal }) => {
      signal.addEventListener("abort", () => aborted = true);
      return new Promise((resolve) => answer = resolve);
    },
  });
  const peer = await connect(srv, { role: "agent" });
  peer.say(["auth", 1, "t"]);
  peer.leave();
  answer({ role: "user" } as never);
  await settled();
  expect(aborted).toBe(true);
  expect(leftOver(srv)).toEqual({});
});

test("close ends every connection with 1012 and leaves nothing", async () => {
  const codes: number[] = [];
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("a").add(conn),
    onDisconnect: (_conn, _ctx, code) => void codes.push(code),
  }, { run: () => new Promise(() => {}) });
  const peers = await connectMany(srv, 3);
  for (const peer of peers) {
    peer.say(["req", 1, "run", { key: "" }], ["sub", 2, "presence"]);
  }
  srv.onServer("rebalance", () => {});
  const closed = srv.close();
  expect(srv.close()).toBe(closed);
  expect(srv.close({ drainMs: 5 })).toBe(closed);
  expect(srv[Symbol.asyncDispose]()).toBe(closed);
  await within(closed);
  expect(peers.map((peer) => peer.end?.code)).toEqual([1012, 1012, 1012]);
  expect(codes).toEqual([1012, 1012, 1012]);
  expect(leftOver(srv)).toEqual({});
});

test("what was sent before close still leaves", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  srv.local.connections[0]?.emit("message", { n: 1 });
  await srv.close();
  expect(peer.of("evt").length).toBe(1);
});

test("after close an upgrade is refused with 503, and a handshake under way with a close", async () => {
  let answer: (result: never) => void = () => {};
  const { srv } = createTestServer({
    authenticate: () => new Promise((resolve) => answer = resolve),
  });
  const under = connect(srv);
  await settled();
  await srv.close();
  answer({ role: "agent", ctx: { name: "" } } as never);
  expect((await within(under)).end?.code).toBeGreaterThan(1000);
  const late = await srv.handshake(upgradeRequest());
  expect(late.kind === "respond" && late.response.status).toBe(503);
  expect(late.kind === "respond" && late.response.headers.get("retry-after"))
    .toBe("1");
  expect(leftOver(srv)).toEqual({});
});

test("close while onConnection waits ends with 1012 and no hi", async () => {
  let go: () => void = () => {};
  const { srv } = createTestServer({
    onConnection: () => new Promise<void>((resolve) => go = resolve),
  });
  const peer = await connect(srv);
  await srv.close();
  go();
  await settled();
  expect(peer.end?.code).toBe(1012);
  expect(peer.frames).toEqual([]);
  expect(leftOver(srv)).toEqual({});
});

test("a closed server sends nothing and throws nothing", async () => {
  const { srv, errors } = createTestServer();
  const peer = await connect(srv);
  const [conn] = srv.local.connections;
  await srv.close();
  conn?.emit("message", { n: 1 });
  if (conn) await srv.room("a").add(conn);
  srv.room("a").broadcast("message", { n: 2 });
  srv.publish("presence", { count: 1 });
  srv.emitServer("rebalance", { shard: 1 });
  await settled();
  expect(peer.of("evt")).toEqual([]);
  expect(errors).toEqual([]);
  expect(leftOver(srv)).toEqual({});
});

test("close with drainMs tells clients to go, lets requests finish, and ends when all have gone", async () => {
  let finish: () => void = () => {};
  const { srv } = createTestServer({}, {
    run: async ({ key }) => {
      await new Promise<void>((resolve) => finish = resolve);
      return { value: key };
    },
  });
  const busy = await connect(srv);
  const idle = await connect(srv);
  busy.say(["req", 1, "run", { key: "x" }]);
  const closed = srv.close({ drainMs: 60_000 });
  await until(() => idle.of("away").length === 1);
  expect(idle.of("away")[0]).toEqual(["away", { withinMs: 60_000 }]);
  const refused = await srv.handshake(upgradeRequest());
  expect(refused.kind).toBe("respond");
  idle.leave(1000);
  finish();
  expect(await busy.answer(1)).toEqual(["res", 1, { value: "x" }]);
  busy.leave(1000);
  await within(closed);
  expect(leftOver(srv)).toEqual({});
});

test("close with drainMs ends with 1012 whoever stays", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  await within(srv.close({ drainMs: 20 }));
  expect(peer.end?.code).toBe(1012);
});

test("all sizes are 0 after the last of many connections that did everything has gone", async () => {
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("all").add(conn),
  });
  const peers = await connectMany(srv, 50);
  for (const [index, peer] of peers.entries()) {
    peer.say(
      ["sub", 1, "presence"],
      ["sub", 2, "news"],
      ["sub", 3, "nothing"],
      ["req", 4, "join", { room: `r${index % 7}` }],
      ["req", 5, "join", { room: "x".repeat(300) }],
      ["sig", "typing", { room: "a" }],
      ["unsub", "news"],
    );
  }
  await until(() => peers.every((peer) => peer.answersTo(5).length === 1));
  expect(srv.stats().sizes["sessions"]).toBe(50);
  expect(srv.local.rooms.size).toBe(8);
  srv.room("all").broadcast("message", { n: 1 });
  srv.publish("presence", { count: 1 });
  for (const peer of peers) peer.leave();
  await settled();
  expect(srv.stats().connections).toBe(0);
  expect(leftOver(srv)).toEqual({});
});

test("emitServer alone does nothing, and is checked all the same", () => {
  const { srv } = createTestServer();
  srv.emitServer("rebalance", { shard: 1 });
  expect(() => srv.emitServer("rebalance", { shard: "1" } as never)).toThrow(
    TypeError,
  );
  expect(() => srv.emitServer("nothing" as never, {} as never)).toThrow(
    TypeError,
  );
  expect(() => srv.onServer("constructor" as never, () => {})).toThrow(
    TypeError,
  );
});

for (
  const [what, leapMs] of [
    ["a pause of 5 s", 5_000],
    ["a clock that is set forward by a day", 86_400_000],
    ["a clock that is set back by a day", -86_400_000],
  ] as const
) {
  test(`${what} costs nobody the connection, and silence is counted on`, async () => {
    jest.useFakeTimers();
    try {
      const { srv } = createTestServer({ heartbeatTimeoutMs: 5_000 });
      const silent = await connect(srv);
      const pings = await connect(srv);
      const second = () => {
        pings.events?.message("ping");
        jest.advanceTimersByTime(1_000);
      };
      for (let n = 0; n < 3; n++) second();
      jest.setSystemTime(Date.now() + leapMs);
      second();
      expect([silent.end, pings.end]).toEqual([undefined, undefined]);
      for (let n = 0; n < 6; n++) second();
      expect(silent.end?.code).toBe(4408);
      expect(pings.end).toBeUndefined();
      pings.leave();
    } finally {
      jest.useRealTimers();
    }
  });
}

test("an end of the login that is no time is refused, at first and at a renewal", async () => {
  const ends: unknown[] = [NaN, new Date("soon"), "2030-01-01", null, Infinity];
  for (const expiresAt of ends) {
    const { srv, errors } = createTestServer({
      authenticate: () =>
        ({ role: "agent", ctx: { name: "" }, expiresAt }) as never,
    });
    expect((await connect(srv)).end?.code).toBe(1011);
    expect(String(errors[0]?.error)).toContain("expiresAt must be a Date");
    const { srv: renewing, errors: late } = createTestServer({
      refresh: () => ({ role: "agent", expiresAt }) as never,
    });
    const peer = await connect(renewing, { role: "agent" });
    expect((await peer.call("auth", 1, "t"))[2]).toBe("INTERNAL");
    expect(String(late[0]?.error)).toContain("expiresAt must be a Date");
  }
});
