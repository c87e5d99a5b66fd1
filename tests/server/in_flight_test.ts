import { expect, test } from "bun:test";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

test("a request in flight does not hold up the next, and each gets its own answer", async () => {
  const waiting = new Map<string, (result: { value: string }) => void>();
  const { srv } = createTestServer({}, {
    run: ({ key }) => new Promise((resolve) => waiting.set(key, resolve)),
  });
  const peer = await connect(srv);
  for (const id of [1, 2, 3]) peer.say(["req", id, "run", { key: String(id) }]);
  for (const key of ["3", "1", "2"]) waiting.get(key)?.({ value: key });
  await until(() => peer.of("res").length === 3);
  expect(peer.of("res")).toEqual([
    ["res", 3, { value: "3" }],
    ["res", 1, { value: "1" }],
    ["res", 2, { value: "2" }],
  ]);
});

test("more requests than maxInFlight are RATE_LIMITED, until one is answered", async () => {
  const release: (() => void)[] = [];
  const { srv } = createTestServer({ limits: { maxInFlight: 2 } }, {
    run: ({ key }) =>
      new Promise((resolve) => release.push(() => resolve({ value: key }))),
  });
  const peer = await connect(srv);
  for (const id of [1, 2, 3]) peer.say(["req", id, "run", { key: "x" }]);
  expect((await peer.answer(3))[2]).toBe("RATE_LIMITED");
  expect(srv.stats().limited).toBe(1);
  release[0]?.();
  await peer.answer(1);
  peer.say(["req", 4, "run", { key: "x" }]);
  release[2]?.();
  expect(await peer.answer(4)).toEqual(["res", 4, { value: "x" }]);
  peer.leave();
  expect(leftOver(srv)).toEqual({});
});

test("an id that is unanswered closes with 4400 when it is used again", async () => {
  const { srv } = createTestServer({}, { run: () => new Promise(() => {}) });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "x" }], ["req", 1, "echo", { text: "y" }]);
  expect(peer.end?.code).toBe(4400);
  expect(leftOver(srv)).toEqual({});
});

test("an id may be used again once it is answered", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  peer.say(["req", 1, "echo", { text: "b" }]);
  await until(() => peer.answersTo(1).length === 2);
  expect(peer.end).toBeUndefined();
});

test("cancel aborts the signal and gets no answer; the slot is free when the handler settles", async () => {
  let aborted = 0;
  let finish: () => void = () => {};
  const { srv } = createTestServer({ limits: { maxInFlight: 1 } }, {
    run: async ({ key }, _ctx, _conn, { signal }) => {
      signal.addEventListener("abort", () => aborted++);
      await new Promise<void>((resolve) => finish = resolve);
      return { value: key };
    },
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "x" }], ["cancel", 1], ["cancel", 1]);
  expect(aborted).toBe(1);
  peer.say(["req", 2, "echo", { text: "a" }]);
  expect((await peer.answer(2))[2]).toBe("RATE_LIMITED");
  finish();
  await until(() => leftOver(srv)["calls"] === undefined);
  expect(peer.answersTo(1)).toEqual([]);
  expect((await peer.call("req", 3, "echo", { text: "a" }))[0]).toBe("res");
});

test("a signal that is read after the cancel is aborted already", async () => {
  let go: () => void = () => {};
  let aborted: boolean | undefined;
  const { srv } = createTestServer({}, {
    run: async (_input, _ctx, _conn, call) => {
      await new Promise<void>((resolve) => go = resolve);
      aborted = call.signal.aborted;
      throw new Error("too late");
    },
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "x" }], ["cancel", 1]);
  go();
  await until(() => aborted !== undefined);
  expect(aborted).toBe(true);
  expect(peer.answersTo(1)).toEqual([]);
});

test("the connection going aborts the signals of its calls", async () => {
  let reason: unknown;
  const { srv } = createTestServer({}, {
    run: (_input, _ctx, _conn, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(reason = signal.reason))
      ),
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "x" }]);
  peer.leave();
  expect(reason).toMatchObject({ code: "DISCONNECTED" });
  await settled();
  expect(leftOver(srv)).toEqual({});
});

test("a handler that rejects after its connection went is reported, and hurts nobody", async () => {
  let fail: (error: Error) => void = () => {};
  const { srv, errors } = createTestServer({}, {
    run: () => new Promise((_resolve, reject) => fail = reject),
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "run", { key: "x" }]);
  peer.leave();
  fail(new Error("late"));
  await until(() => errors.length === 1);
  expect(String(errors[0]?.error)).toBe("Error: late");
  expect(leftOver(srv)).toEqual({});
});
