import { expect, test } from "bun:test";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import type { Fields } from "../helpers/peer.ts";
import { join, type TcpSocket } from "../helpers/tcp_socket.ts";
import { until } from "../helpers/wait.ts";

/** A server whose connections are all in one room. */
function everybodyInOneRoom(options = {}) {
  const made = createTestServer({
    onConnection: (conn) => void made.srv.room("all").add(conn),
    ...options,
  }, {
    run: ({ key }, _ctx, conn) => {
      conn.emit("message", { n: Number(key) });
      return { value: key };
    },
  });
  const running = serve(made.srv, made.srv);
  return { ...made, running };
}

function numbers(socket: TcpSocket): number[] {
  return socket.frames.filter(([tag]) => tag === "evt").map((frame) =>
    (frame[2] as { n: number }).n
  );
}

test("native groups are used from the second member on, and left with the socket", async () => {
  const { srv, running } = everybodyInOneRoom();
  await using _ = running;
  const topics = running.published;
  const room = srv.room("all");
  const first = await join(running.port);
  room.broadcast("message", { n: 1 });
  await first.next("evt");
  expect(topics).toEqual([]);
  const second = await join(running.port);
  const third = await join(running.port);
  room.broadcast("message", { n: 2 });
  await until(() => numbers(third).length === 1);
  expect(topics.length).toBe(1);
  const [group = ""] = topics;
  expect(running.server.subscriberCount(group)).toBe(3);
  third.destroy();
  await until(() => running.server.subscriberCount(group) === 2);
  room.remove(srv.local.connections[0] as never);
  expect(running.server.subscriberCount(group)).toBe(1);
  room.broadcast("message", { n: 3 });
  await until(() => numbers(second).length === 2);
  expect(numbers(first)).toEqual([1, 2]);
  second.destroy();
  await until(() => running.server.subscriberCount(group) === 0);
  first.destroy();
  await until(() => Object.keys(leftOver(srv)).length === 0);
});

test(
  "direct sends and fan-out keep their order: sync code, microtasks and timers",
  async () => {
    const { srv, running } = everybodyInOneRoom({
      limits: { frameBurst: 100_000 },
    });
    await using _ = running;
    const sockets = await Promise.all(
      [1, 2, 3, 4].map(() => join(running.port)),
    );
    const conns = srv.local.connections;
    const expected = conns.map((): number[] => []);
    let n = 0;
    const step = () => {
      n++;
      const pick = (n * 7919) % 7;
      if (pick < 3) {
        srv.room("all").broadcast("message", { n });
        for (const list of expected) list.push(n);
      } else {
        const to = (n * 31) % conns.length;
        conns[to]?.emit("message", { n });
        expected[to]?.push(n);
      }
    };
    for (let round = 0; round < 150; round++) {
      for (let i = 0; i < 20; i++) step();
      for (let i = 0; i < 10; i++) {
        await Promise.resolve();
        step();
        queueMicrotask(step);
      }
      await new Promise<void>((resolve) =>
        setTimeout(() => {
          step();
          resolve();
        }, round % 3)
      );
    }
    const total = n;
    expect(total).toBeGreaterThan(6_000);
    for (const [index, conn] of conns.entries()) {
      const socket = sockets.find((s) =>
        (s.frames[0]?.[1] as { id: string }).id === conn.id
      );
      if (!socket) throw new Error("no socket of that id");
      await until(() => numbers(socket).length === expected[index]?.length);
      expect(numbers(socket)).toEqual(expected[index] as number[]);
      socket.destroy();
    }
  },
  15_000,
);

test("a reply never overtakes the broadcast and the emit made before it", async () => {
  const { srv, running } = everybodyInOneRoom({
    limits: { frameBurst: 100_000 },
  });
  await using _ = running;
  const [socket] = await Promise.all([1, 2, 3].map(() => join(running.port)));
  if (!socket) throw new Error("nobody came");
  for (let id = 1; id <= 200; id++) {
    if (id % 2) srv.room("all").broadcast("message", { n: -id });
    socket.say(["req", id, "run", { key: String(id) }]);
  }
  await socket.next("res", 200);
  const ids = socket.frames.filter(([tag]) => tag === "res").map(([, id]) =>
    id
  );
  expect(ids).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  for (const id of ids) {
    const event = socket.frames.findIndex((f) =>
      f[0] === "evt" && (f[2] as { n: number }).n === id
    );
    const reply = socket.frames.findIndex((f) => f[0] === "res" && f[1] === id);
    expect(event).toBeGreaterThan(0);
    expect(event).toBeLessThan(reply);
  }
  socket.destroy();
});

test("ten emits of one turn leave as one WebSocket message", async () => {
  const { srv, running } = everybodyInOneRoom();
  await using _ = running;
  const socket = await join(running.port);
  const before = socket.messages.length;
  for (let n = 0; n < 10; n++) srv.local.connections[0]?.emit("message", { n });
  await until(() => numbers(socket).length === 10);
  expect(socket.messages.length - before).toBe(1);
  socket.destroy();
});

test("ten broadcasts of one turn to a lone member leave as one WebSocket message", async () => {
  const { srv, running } = everybodyInOneRoom();
  await using _ = running;
  const socket = await join(running.port);
  const before = socket.messages.length;
  for (let n = 0; n < 10; n++) srv.room("all").broadcast("message", { n });
  await until(() => numbers(socket).length === 10);
  expect(socket.messages.length - before).toBe(1);
  socket.destroy();
});

for (const handler of ["synchronous", "asynchronous"]) {
  test(`ten requests of one message are answered in one, with ${handler} handlers`, async () => {
    const { srv } = createTestServer({}, {
      echo: handler === "synchronous"
        ? (input) => input
        : async (input) => await Promise.resolve(input),
    });
    await using running = serve(srv, srv);
    const socket = await join(running.port);
    const before = socket.messages.length;
    socket.say(
      ...Array.from(
        { length: 10 },
        (_, id) => ["req", id + 1, "echo", { text: "a" }] as Fields,
      ),
    );
    await socket.next("res", 10);
    expect(socket.messages.length - before).toBe(1);
    socket.destroy();
  });
}

test("a batch is cut at 256 frames and 64 KiB, and one larger frame goes alone", async () => {
  const { srv } = createTestServer();
  await using running = serve(srv, srv);
  const socket = await join(running.port);
  const [conn] = srv.local.connections;
  for (let n = 0; n < 1_000; n++) conn?.emit("message", { n });
  for (let n = 0; n < 40; n++) {
    conn?.emit("message", { n, pad: "ü😀x".repeat(1_000) });
  }
  conn?.emit("message", { n: 0, pad: "x".repeat(200_000) });
  conn?.emit("message", { n: 1 });
  await until(() => numbers(socket).length === 1_042);
  for (const message of socket.messages) {
    const count = message.split("\n").length;
    expect(count).toBeLessThanOrEqual(256);
    if (count > 1) {
      expect(new TextEncoder().encode(message).length).toBeLessThanOrEqual(
        65_536,
      );
    }
  }
  expect(socket.messages.length).toBeLessThan(20);
  socket.destroy();
});
