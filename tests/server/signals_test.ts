import { expect, test } from "bun:test";
import { SocketError } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

test("a signal reaches its handler and is not answered", async () => {
  const rooms: string[] = [];
  const { srv } = createTestServer({}, {
    typing: ({ room }) => void rooms.push(room),
  });
  const peer = await connect(srv);
  peer.say(["sig", "typing", { room: "a" }], ["sig", "typing", { room: "b" }]);
  await settled();
  expect(rooms).toEqual(["a", "b"]);
  expect(peer.frames.length).toBe(1);
  expect(srv.stats()).toMatchObject({ signals: 2, refusedSignals: 0 });
});

test("a refused signal is counted and never answered", async () => {
  const { srv, errors } = createTestServer({}, {
    typing: ({ room }) => {
      throw new SocketError("NO", room);
    },
  });
  const peer = await connect(srv);
  peer.say(["sig", "typing", { room: 1 }]);
  peer.say(["sig", "typing", { room: "a" }]);
  peer.say(["sig", "typing"]);
  peer.say(["sig", "nothing", {}]);
  peer.say(["sig", "constructor", {}]);
  peer.say(["sig", "echo", { text: "a request" }]);
  await settled();
  expect(peer.frames.length).toBe(1);
  expect(srv.stats()).toMatchObject({ signals: 0, refusedSignals: 6 });
  expect(errors).toEqual([]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a signal's handler that throws or rejects late is reported", async () => {
  const failures = [
    () => {
      throw new Error("at once");
    },
    () => Promise.reject(new Error("late")),
  ];
  const { srv, errors } = createTestServer({}, {
    typing: () => failures.shift()?.() as never,
  });
  const peer = await connect(srv);
  peer.say(["sig", "typing", { room: "a" }], ["sig", "typing", { room: "a" }]);
  await until(() => errors.length === 2);
  expect(errors.map(({ error }) => String(error))).toEqual([
    "Error: at once",
    "Error: late",
  ]);
  expect(peer.frames.length).toBe(1);
});

test("signals whose handlers do not settle are limited too", async () => {
  let started = 0;
  const { srv } = createTestServer({ limits: { maxInFlight: 3 } }, {
    typing: () => {
      started++;
      return new Promise<void>(() => {});
    },
  });
  const peer = await connect(srv);
  for (let n = 0; n < 10; n++) peer.say(["sig", "typing", { room: "a" }]);
  await settled();
  expect(started).toBe(3);
  expect(srv.stats()).toMatchObject({ refusedSignals: 7, limited: 7 });
  peer.leave();
  expect(leftOver(srv)).toEqual({});
});

test("the connection going aborts a signal's call", async () => {
  let aborted = false;
  const { srv } = createTestServer({}, {
    typing: (_input, _ctx, _conn, { id, signal }) =>
      new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => {
          aborted = id === 0;
          resolve();
        })
      ),
  });
  const peer = await connect(srv);
  peer.say(["sig", "typing", { room: "a" }]);
  peer.leave();
  expect(aborted).toBe(true);
});
