import { expect, test } from "bun:test";
import { type Observer, SocketError } from "../../mod.ts";
import { createTestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

/** Writes down what it is told. */
function recorder() {
  const told: unknown[][] = [];
  const observer: Observer = {
    onConnection: (conn) => told.push(["connection", conn.role]),
    onDisconnect: (conn, code) => told.push(["disconnect", conn.role, code]),
    onRefusal: (reason) => told.push(["refusal", reason]),
    onRequestStart: ({ kind, entry }) => told.push(["start", kind, entry]),
    onRequestEnd: ({ kind, entry }, { outcome, durationMs, error }) => {
      expect(durationMs).toBeGreaterThanOrEqual(0);
      told.push(["end", kind, entry, outcome, ...(error ? [`${error}`] : [])]);
    },
    onPublish: (publication) => told.push(["publish", publication]),
    onDrop: (conn, count) => told.push(["drop", conn.dropped, count]),
  };
  return { told, observer };
}

test("an observer is told of connections, refusals, calls and publishes, in order", async () => {
  const { told, observer } = recorder();
  const { srv } = createTestServer({ observer }, {
    echo: ({ text }) => {
      if (text === "secret") throw new Error("inside");
      srv.room("r").broadcast("message", { n: 1 });
      return { text };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  await peer.call("req", 2, "echo", { text: "secret" });
  await peer.call("sub", 3, "nothing");
  peer.say(["sig", "typing", { room: "a" }]);
  srv.publish("presence", { count: 1 });
  srv.forRole("agent").publish("task", { prompt: "p" });
  srv.emitServer("rebalance", { shard: 1 });
  expect(() => srv.publish("presence", {} as never)).toThrow();
  await connect(srv, { headers: { origin: "https://evil.test" } });
  peer.leave();
  expect(told).toEqual([
    ["connection", "user"],
    ["start", "request", "shared.echo"],
    ["publish", { kind: "room", room: "r", entry: "shared.message" }],
    ["end", "request", "shared.echo", "ok"],
    ["start", "request", "shared.echo"],
    ["end", "request", "shared.echo", "INTERNAL", "Error: inside"],
    ["start", "subscribe", ""],
    [
      "end",
      "subscribe",
      "",
      "NOT_FOUND",
      'SocketError: Role "user" has no topic "nothing"',
    ],
    ["start", "signal", "shared.typing"],
    ["end", "signal", "shared.typing", "ok"],
    ["publish", { kind: "topic", entry: "shared.presence" }],
    ["publish", { kind: "topic", entry: "agent.task" }],
    ["publish", { kind: "serverEvent", entry: "rebalance" }],
    ["refusal", "origin"],
    ["disconnect", "user", 1006],
  ]);
});

test("start and end are told of one object, which has the call that handlers get", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    observer: {
      onRequestStart: (it) => seen.push(it, it.call),
      onRequestEnd: (it) => seen.push(it),
    },
    use: (_ctx, { call }, next) => {
      seen.push(call);
      return next();
    },
  }, {
    echo: ({ text }, _ctx, _conn, call) => {
      seen.push(call);
      return { text };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  const [start, call, ofMiddleware, ofHandler, end] = seen;
  expect(start).toBe(end);
  expect([ofMiddleware, ofHandler]).toEqual([call, call]);
  expect(ofHandler).toBe(call);
});

test("a call that is cancelled, or whose client goes, ends as cancelled, once", async () => {
  const { told, observer } = recorder();
  const { srv } = createTestServer({ observer }, {
    run: async (_input, _ctx, _conn, { signal }) => {
      await until(() => signal.aborted);
      throw new SocketError("LATE");
    },
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "" }], ["cancel", 1]);
  peer.say(["req", 2, "run", { key: "" }]);
  await settled();
  peer.leave();
  const ends = () => told.filter(([what]) => what === "end");
  await until(() => ends().length === 2);
  await settled();
  expect(ends()).toEqual([
    ["end", "request", "shared.run", "cancelled", "SocketError: LATE"],
    ["end", "request", "shared.run", "cancelled", "SocketError: LATE"],
  ]);
});

test("drops are told with the connection", async () => {
  const { told, observer } = recorder();
  const { srv } = createTestServer({
    observer,
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const peer = await connect(srv);
  peer.waiting = 2_000;
  for (let n = 0; n < 5; n++) {
    srv.local.connections[0]?.emit("message", { n });
    await settled();
  }
  const drops = told.filter(([what]) => what === "drop");
  expect(drops.length).toBe(srv.stats().dropped);
  expect(drops[0]).toEqual(["drop", 1, 1]);
});

test("an observer that throws changes nothing, and is reported", async () => {
  const broken = () => {
    throw new Error("observer");
  };
  const { srv, errors } = createTestServer({
    observer: {
      onConnection: broken,
      onDisconnect: broken,
      onRefusal: broken,
      onRequestStart: () => Promise.reject(new Error("late")) as never,
      onRequestEnd: broken,
      onPublish: broken,
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["res", 1, { text: "a" }],
  );
  srv.room("a").broadcast("message", { n: 1 });
  await connect(srv, { headers: { origin: "https://evil.test" } });
  peer.leave();
  await settled();
  expect(errors.map(({ info }) => info.name).toSorted()).toEqual([
    "onConnection",
    "onDisconnect",
    "onPublish",
    "onRefusal",
    "onRequestEnd",
    "onRequestStart",
  ]);
});
