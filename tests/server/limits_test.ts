import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createSettings } from "../../src/server/options.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, connectMany } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

const settings = createSettings({ authenticate: () => ({ role: "user" }) });

test("a frame before hi closes with 4400", async () => {
  const { srv } = createTestServer({
    onConnection: () => new Promise<void>(() => {}),
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "echo", { text: "a" }]);
  expect(peer.end?.code).toBe(4400);
  expect(peer.messages).toEqual([]);
  expect(srv.stats().connections).toBe(0);
});

test("ping is answered with pong, as a whole message and before anything that waits", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  srv.local.connections[0]?.emit("message", { n: 1 });
  peer.events?.message("ping");
  expect(peer.messages.at(-1)).toBe("pong");
  peer.events?.message("pong");
  await settled();
  expect(peer.messages.slice(1)).toEqual(
    ["pong", '["evt","message",{"n":1}]'],
  );
  expect(srv.stats().malformed).toBe(0);
});

test("ping is no heartbeat inside a batch", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  peer.events?.message('ping\n["req",1,"echo",{"text":"a"}]');
  await peer.answer(1);
  expect(peer.messages.includes("pong")).toBe(false);
  expect(srv.stats().malformed).toBe(1);
});

test("what is no frame is answered about the connection and counted; the tenth closes with 1008", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const bad = [
    "null",
    "1",
    '"ping"',
    "{}",
    "[]",
    "[1]",
    "",
    '["req"]',
    '["nope",1]',
  ];
  for (const text of bad) peer.events?.message(text);
  await settled();
  expect(peer.of("err").map((frame) => frame.slice(0, 3))).toEqual(
    bad.map(() => ["err", 0, "BAD_REQUEST"]),
  );
  expect(srv.stats().malformed).toBe(9);
  expect(peer.end).toBeUndefined();
  peer.events?.message("{");
  expect(peer.end?.code).toBe(1008);
  expect(leftOver(srv)).toEqual({});
});

test("frames of a batch after the one that closed are not handled", async () => {
  let calls = 0;
  const { srv } = createTestServer({ limits: { maxMalformed: 1 } }, {
    typing: () => void calls++,
  });
  const peer = await connect(srv);
  peer.events?.message(
    '["sig","typing",{"room":"a"}]\nnull\n["sig","typing",{"room":"a"}]',
  );
  expect(calls).toBe(1);
  expect(peer.end?.code).toBe(1008);
});

test("a message larger than maxMessageBytes closes with 1009, counted in bytes", async () => {
  const { srv } = createTestServer({ limits: { maxMessageBytes: 1_000 } });
  const frame = (text: string) => JSON.stringify(["req", 1, "echo", { text }]);
  const rest = frame("").length;
  const fits = await connect(srv);
  fits.events?.message(frame("x".repeat(1_000 - rest)));
  expect((await fits.answer(1))[0]).toBe("res");
  for (const text of ["x".repeat(1_001 - rest), "ü".repeat(600)]) {
    const peer = await connect(srv);
    peer.events?.message(frame(text));
    expect(peer.end?.code).toBe(1009);
  }
});

test("a batch of more than 256 frames, or more than 64 KiB, is refused whole", async () => {
  let calls = 0;
  const { srv } = createTestServer({}, { typing: () => void calls++ });
  const peer = await connect(srv);
  const frame = '["sig","typing",{"room":"a"}]';
  peer.events?.message(Array(256).fill(frame).join("\n"));
  expect(calls).toBe(256);
  peer.events?.message(Array(257).fill(frame).join("\n"));
  const big = `["sig","typing",{"room":"${"x".repeat(40_000)}"}]`;
  peer.events?.message(`${big}\n${big}`);
  expect(calls).toBe(256);
  expect(srv.stats().malformed).toBe(2);
  peer.events?.message(big);
  expect(calls).toBe(257);
});

test("frames over the burst are RATE_LIMITED and counted, a further burst closes with 1008", async () => {
  let handled = 0;
  const { srv } = createTestServer({
    limits: { framesPerSecond: 1, frameBurst: 5, maxSubscriptions: 1 },
  }, {
    echo: ({ text }) => {
      handled++;
      return { text };
    },
  });
  const peer = await connect(srv);
  for (let id = 1; id <= 11; id++) peer.say(["req", id, "echo", { text: "a" }]);
  await settled();
  expect(handled).toBe(6); // the burst, and one for a subscription that comes back
  expect((await peer.answer(7))[2]).toBe("RATE_LIMITED");
  expect(srv.stats().limited).toBe(5);
  expect(peer.end).toBeUndefined();
  peer.say(["req", 12, "echo", { text: "a" }]);
  expect(peer.end?.code).toBe(1008);
});

test("bytes over the burst are RATE_LIMITED and counted, a further burst closes with 1008", async () => {
  const { srv } = createTestServer({
    limits: { bytesPerSecond: 1, maxMessageBytes: 1_000 },
  });
  const peer = await connect(srv);
  const text = "x".repeat(900);
  for (let id = 1; id <= 8; id++) peer.say(["req", id, "echo", { text }]);
  await settled();
  expect((await peer.answer(4))[0]).toBe("res");
  const [tag, , code, message] = await peer.answer(5);
  expect([tag, code]).toEqual(["err", "RATE_LIMITED"]);
  expect(message).toContain("bytesPerSecond 1 bytes");
  expect(srv.stats().limits.bytesPerSecond).toBe(4);
  peer.say(["cancel", 7]); // gives something back, so it is taken
  expect(peer.end).toBeUndefined();
  for (let id = 9; id <= 10; id++) peer.say(["req", id, "echo", { text }]);
  expect(peer.end?.code).toBe(1008);
  expect(peer.end?.reason).toContain("bytesPerSecond");
});

test("what is nested deeper than maxDepth is not parsed: BAD_REQUEST with the call's id", async () => {
  const { srv } = createTestServer({ limits: { maxDepth: 4 } });
  const peer = await connect(srv);
  const frame = (id: number, extra: string) =>
    peer.events?.message(
      `["req",${id},"echo",{"text":"a","extra":${extra}}]`,
    );
  frame(1, "[[[0]]]");
  expect((await peer.answer(1))[0]).toBe("res");
  frame(2, "[[[[0]]]]");
  const [tag, , code, message] = await peer.answer(2);
  expect([tag, code]).toEqual(["err", "BAD_REQUEST"]);
  expect(message).toContain("maxDepth 4");
  frame(3, `[[[${"[".repeat(1_000_000)}`); // never closed
  expect((await peer.answer(3))[2]).toBe("BAD_REQUEST");
  const { limits, malformed } = srv.stats();
  expect([limits.maxDepth, malformed]).toEqual([2, 0]);
  peer.events?.message(`["sig","typing",${"[".repeat(100)}]`);
  expect(srv.stats().malformed).toBe(1); // it has no id
});

test("brackets in strings are no nesting", async () => {
  const { srv } = createTestServer({ limits: { maxDepth: 2 } });
  const peer = await connect(srv);
  const texts = [
    "[".repeat(100),
    '\\"[[[[[[',
    "\\\\",
    '\\\\"{{{{{{"',
    "é[{\u0000[",
  ];
  for (const [at, text] of texts.entries()) {
    peer.say(["req", at + 1, "echo", { text, more: [] }]);
    expect((await peer.answer(at + 1))[2]).toEqual({ text });
  }
  expect(srv.stats().limits.maxDepth).toBe(0);
});

test("pings flood like frames", async () => {
  const { srv } = createTestServer({
    limits: { framesPerSecond: 1, frameBurst: 5, maxSubscriptions: 1 },
  });
  const peer = await connect(srv);
  for (let n = 0; n < 100 && !peer.end; n++) peer.events?.message("ping");
  expect(peer.end?.code).toBe(1008);
  expect(peer.messages.filter((m) => m === "pong").length).toBeLessThan(20);
});

test("names of other tags, types and fields are answered, never thrown", async () => {
  const { srv, errors } = createTestServer({
    limits: { maxMalformed: 10_000, frameBurst: 10_000 },
  });
  const peer = await connect(srv);
  const odd = [
    null,
    1,
    -1,
    0,
    1.5,
    2 ** 53,
    "1",
    true,
    {},
    [],
    "__proto__",
    "x".repeat(5_000),
  ];
  const tags = [
    "req",
    "sig",
    "sub",
    "unsub",
    "cancel",
    "auth",
    "hi",
    "res",
    "err",
    "evt",
    "pub",
    "away",
    "gap",
    "",
    "constructor",
  ];
  for (const tag of tags) {
    peer.say([tag]);
    for (const a of odd) {
      peer.say([tag, a]);
      for (const b of odd) peer.say([tag, a, b, a], [tag, a, b]);
    }
  }
  await settled();
  expect(errors).toEqual([]);
  expect(peer.end?.code ?? 4400).toBe(4400); // an id may have been used twice
});

test("odd ids are refused, and close nothing", async () => {
  const { srv } = createTestServer({ limits: { maxMalformed: 100 } });
  const peer = await connect(srv);
  for (const id of [0, -1, 1.5, 2 ** 53, 1e300, "1", null, [1], {}, true]) {
    peer.say(["req", id, "echo", { text: "a" }]);
  }
  await settled();
  expect(srv.stats().malformed).toBe(10);
  expect(await peer.call("req", 2 ** 53 - 1, "echo", { text: "a" })).toEqual(
    ["res", 2 ** 53 - 1, { text: "a" }],
  );
});

test("a slow reader: events over maxBufferedBytes are dropped, counted, told in place by gap; replies are not", async () => {
  const { srv } = createTestServer({
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const peer = await connect(srv);
  const [conn] = srv.local.connections;
  const pad = "x".repeat(100);
  conn?.emit("message", { n: 0 });
  await settled();
  peer.waiting = 2_000;
  for (let n = 1; n <= 20; n++) {
    conn?.emit("message", { n, pad });
    await settled();
  }
  peer.say(["req", 1, "echo", { text: "a" }]);
  await settled();
  expect(peer.of("res")).toEqual([]);
  expect(srv.stats().sizes["calls"]).toBe(1);
  const { dropped } = srv.stats();
  expect(dropped).toBeGreaterThan(10);
  peer.drain();
  expect((await peer.answer(1))[2]).toEqual({ text: "a" });
  conn?.emit("message", { n: 99 });
  await settled();
  expect(peer.of("gap")).toEqual([["gap", { dropped }]]);
  const heard = peer.of("evt").map((f) => (f[2] as { n: number }).n);
  expect(heard.length).toBe(22 - dropped);
  expect(heard).toEqual(heard.toSorted((a, b) => a - b));
  expect(heard.at(-1)).toBe(99);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("gap stands where the messages are missing, also when the reader only half catches up", async () => {
  const { srv } = createTestServer({
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const peer = await connect(srv);
  const [conn] = srv.local.connections;
  const emit = async (n: number) => {
    conn?.emit("message", { n });
    await settled();
  };
  peer.waiting = 2_000;
  await emit(1); // makes it wait
  await emit(2); // dropped
  await emit(3); // dropped
  peer.waiting = 700; // under the limit, not under the half
  peer.events?.drained();
  await emit(4);
  peer.drain();
  await emit(5);
  const order = peer.frames.slice(1).map(([tag, , payload]) =>
    tag === "gap" ? "gap" : (payload as { n: number }).n
  );
  expect(order).toEqual([1, "gap", 4, 5]);
});

test("a slow reader with onExceed close: 1013", async () => {
  const { srv } = createTestServer({
    backpressure: { maxBufferedBytes: 1_000, onExceed: "close" },
  });
  const peer = await connect(srv);
  peer.waiting = 2_000;
  for (let n = 0; n < 5 && !peer.end; n++) {
    srv.local.connections[0]?.emit("message", { n });
    await settled();
  }
  expect(peer.end?.code).toBe(1013);
  expect(leftOver(srv)).toEqual({});
});

test("replies to a slow reader stay in flight, and at four times the limit it closes with 1013", async () => {
  const { srv } = createTestServer({
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const peer = await connect(srv);
  peer.waiting = 1_500;
  let id = 0;
  for (; id < 200 && !peer.end; id++) {
    peer.say(["req", id + 1, "echo", { text: "x".repeat(80) }]);
    await settled();
    // All but the first, whose write was the one that showed how slow the reader is.
    if (id === 9) expect(srv.stats().sizes["calls"]).toBe(9);
  }
  expect(peer.end?.code).toBe(1013);
  expect(id).toBeLessThan(60);
  expect(leftOver(srv)).toEqual({});
});

test("replies that wait hold their slot in maxInFlight until the reader drains", async () => {
  const { srv } = createTestServer({
    limits: { maxInFlight: 2 },
    backpressure: { maxBufferedBytes: 1_000 },
  });
  const peer = await connect(srv);
  peer.waiting = 1_500;
  srv.local.connections[0]?.emit("message", { n: 1 });
  await settled();
  for (const id of [1, 2, 3]) peer.say(["req", id, "echo", { text: "a" }]);
  peer.drain();
  expect((await peer.answer(3))[2]).toBe("RATE_LIMITED");
  expect((await peer.answer(1))[0]).toBe("res");
  await until(() => srv.stats().sizes["calls"] === 0);
});

test("more handshakes a second than handshakesPerSecond are closed with 1013, and cost nothing later", async () => {
  const { srv } = createTestServer({ limits: { handshakesPerSecond: 1 } });
  const peers = await connectMany(srv, 60);
  const refused = peers.filter(({ end }) => end);
  expect(refused.length).toBeGreaterThanOrEqual(35);
  expect(refused[0]?.end).toEqual({
    code: 1013,
    reason: "more than handshakesPerSecond 1 clients came",
  });
  // What was refused is no debt: as soon as one may come again, one does.
  let late = await connect(srv);
  for (let tries = 0; late.end && tries < 600; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    late = await connect(srv);
  }
  expect(late.end).toBeUndefined();
});

test("a name longer than maxNameBytes is BAD_REQUEST and says so", async () => {
  const { srv } = createTestServer({ limits: { maxNameBytes: 10 } });
  const peer = await connect(srv);
  expect((await peer.call("req", 1, "join", { room: "0123456789" }))[0])
    .toBe("res");
  for (const [at, room] of ["0123456789a", "ü€€€"].entries()) {
    const [, , code, message] = await peer.call("req", at + 2, "join", {
      room,
    });
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain("1 to maxNameBytes 10 bytes");
  }
});

test("cancel and unsub are taken when other frames are refused", async () => {
  let aborted = false;
  const { srv } = createTestServer({
    limits: { framesPerSecond: 0.001, frameBurst: 3, maxSubscriptions: 1 },
  }, {
    run: (_input, _ctx, _conn, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          resolve({ value: "" });
        })
      ),
  });
  const peer = await connect(srv);
  await peer.call("sub", 1, "news");
  peer.say(["req", 2, "run", { key: "a" }]);
  await peer.call("req", 3, "echo", { text: "a" });
  await peer.call("req", 4, "echo", { text: "a" });
  expect((await peer.call("req", 5, "echo", { text: "a" }))[2]).toBe(
    "RATE_LIMITED",
  );
  peer.say(["cancel", 2], ["unsub", "news"]);
  expect(aborted).toBe(true);
  await until(() => srv.local.topics.size === 0);
  expect(peer.end).toBeUndefined();
});

test("a refused signal with an id is told of the connection, not of a call", async () => {
  const { srv } = createTestServer({
    limits: { framesPerSecond: 0.001, frameBurst: 1, maxSubscriptions: 1 },
  });
  const peer = await connect(srv);
  peer.say(["sig", "typing", { room: "a" }], ["sig", "typing", { room: "a" }]);
  peer.say(["sig", 7, { room: "a" }]);
  await peer.answer(0);
  expect(peer.of("err").map(([, id]) => id)).toEqual([0]);
});

test("an input with a thousand flaws is told twenty of them", async () => {
  const many = z.array(z.string());
  const api = defineContract({
    roles: { user: { clientToServer: { all: { input: many, output: many } } } },
  });
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" }),
  });
  srv.implement({ user: { all: (input) => input } });
  const peer = await connect(srv);
  const [, , code, , data] = await peer.call(
    "req",
    1,
    "all",
    new Array(1_000).fill(1),
  );
  expect(code).toBe("VALIDATION");
  expect((data as { issues: unknown[] }).issues.length).toBe(20);
});

test("an option that is no limit is a RangeError that names it", () => {
  const numbers = [0, -1, NaN, Infinity];
  const { limits } = settings;
  const amounts = Object.keys(limits).map((name) => ["limits", name] as const);
  const durations = Object.keys(settings).filter((name) => name.endsWith("Ms"));
  expect([amounts.length >= 10, durations.length >= 4]).toEqual([true, true]);
  for (const value of numbers) {
    for (const [group, name] of amounts) {
      const wrong = () => createTestServer({ [group]: { [name]: value } });
      expect(wrong).toThrow(RangeError);
      expect(wrong).toThrow(`${group}.${name}`);
    }
    for (const name of durations) {
      expect(() => createTestServer({ [name]: value })).toThrow(RangeError);
      expect(() => createTestServer({ [name]: value })).toThrow(name);
    }
  }
  const maxBufferedBytes = Infinity;
  expect(() => createTestServer({ backpressure: { maxBufferedBytes } }))
    .toThrow("maxBufferedBytes");
  expect(() => createTestServer({ authTimeoutMs: 2 ** 31 })).toThrow(
    "authTimeoutMs",
  );
});
