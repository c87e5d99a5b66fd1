import { expect, test } from "bun:test";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { serve } from "../helpers/serve.ts";
import { join, type TcpSocket } from "../helpers/tcp_socket.ts";
import { until } from "../helpers/wait.ts";

const BROADCASTS = 12_000;
const pad = "x".repeat(500);

function numbers(socket: TcpSocket): number[] {
  return socket.frames.filter(([tag]) => tag === "evt").map((frame) =>
    (frame[2] as { n: number }).n
  );
}

/** Broadcasts, in turns, so that sockets may be written to meanwhile. */
async function flood(broadcast: (n: number) => void, each: () => void) {
  for (let n = 0; n < BROADCASTS; n++) {
    broadcast(n);
    if (n % 100 === 99) {
      each();
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

test(
  "a reader that stops holds up nobody, costs bounded memory, and is told what it missed",
  async () => {
    const waiting = new Map<unknown, () => number>();
    const { srv } = createTestServer({
      backpressure: { maxBufferedBytes: 65_536 },
      limits: { frameBurst: 10_000 },
      onConnection: (conn) => void srv.room("all").add(conn),
    });
    const { open, ...handlers } = srv.websocket;
    await using running = serve({
      fetch: srv.fetch,
      websocket: {
        ...handlers,
        open(ws: Parameters<typeof open>[0]) {
          waiting.set(ws, () => ws.getBufferedAmount());
          open(ws);
        },
      },
    }, srv);
    const stalled = await join(running.port);
    const others = await Promise.all([1, 2, 3].map(() => join(running.port)));
    stalled.pause();
    let most = 0;
    await flood((n) => {
      srv.room("all").broadcast("message", { n, pad });
      if (n % 1_000 === 0) {
        stalled.say(["req", n / 1_000 + 1, "echo", { text: String(n) }]);
      }
    }, () => {
      for (const buffered of waiting.values()) {
        most = Math.max(most, buffered());
      }
    });
    const all = Array.from({ length: BROADCASTS }, (_, n) => n);
    for (const socket of others) {
      await until(
        () => numbers(socket).length === BROADCASTS,
        "all of them",
        10_000,
      );
      expect(numbers(socket)).toEqual(all);
      expect(socket.frames.some(([tag]) => tag === "gap")).toBe(false);
    }
    const { dropped } = srv.stats();
    expect(dropped).toBeGreaterThan(1_000);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(65_536 * 3);
    stalled.resume();
    await stalled.next("res", BROADCASTS / 1_000);
    await until(() => stalled.frames.some(([tag]) => tag === "gap"));
    srv.room("all").broadcast("message", { n: BROADCASTS });
    await until(() => numbers(stalled).at(-1) === BROADCASTS);
    const heard = numbers(stalled);
    const gaps = stalled.frames.filter(([tag]) => tag === "gap").reduce(
      (sum, frame) => sum + (frame[1] as { dropped: number }).dropped,
      0,
    );
    expect(gaps).toBe(dropped);
    expect(heard.length + gaps).toBe(BROADCASTS + 1);
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
    expect(new Set(heard).size).toBe(heard.length);
    const replies = stalled.frames.filter(([tag]) => tag === "res");
    expect(replies.map(([, id]) => id)).toEqual(
      Array.from({ length: BROADCASTS / 1_000 }, (_, id) => id + 1),
    );
    for (const socket of [stalled, ...others]) socket.destroy();
    await until(() => Object.keys(leftOver(srv)).length === 0);
  },
  30_000,
);

test(
  "a reader that has caught up is served by the native group again",
  async () => {
    const { srv } = createTestServer({
      backpressure: { maxBufferedBytes: 65_536 },
      onConnection: (conn) => void srv.room("all").add(conn),
    });
    await using running = serve(srv, srv);
    const group = () => running.published.at(-1) ?? "";
    const stalled = await join(running.port);
    const others = await Promise.all([1, 2].map(() => join(running.port)));
    stalled.pause();
    for (let n = 0; srv.stats().dropped === 0; n++) {
      if (n > 100_000) throw new Error("nothing was ever dropped");
      srv.room("all").broadcast("message", { n, pad });
      if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve));
    }
    expect(running.server.subscriberCount(group())).toBe(2);
    stalled.resume();
    await until(() => running.server.subscriberCount(group()) === 3);
    for (const socket of [stalled, ...others]) socket.destroy();
  },
  20_000,
);

test(
  "with onExceed close a reader that stops is closed with 1013, the others hear all",
  async () => {
    const codes: number[] = [];
    const { srv } = createTestServer({
      backpressure: { maxBufferedBytes: 65_536, onExceed: "close" },
      onConnection: (conn) => void srv.room("all").add(conn),
      onDisconnect: (_conn, _ctx, code) => void codes.push(code),
    });
    await using running = serve(srv, srv);
    const stalled = await join(running.port);
    const other = await join(running.port);
    stalled.pause();
    await flood(
      (n) => srv.room("all").broadcast("message", { n, pad }),
      () => {},
    );
    expect(codes).toEqual([1013]);
    await until(() => numbers(other).length === BROADCASTS, "all", 10_000);
    stalled.resume();
    expect(await stalled.closeCode()).toBe(1013);
    other.destroy();
    await until(() => Object.keys(leftOver(srv)).length === 0);
  },
  20_000,
);

test("a reader that stops is closed when the server closes, which does not wait for it", async () => {
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("all").add(conn),
  });
  await using running = serve(srv, srv);
  const stalled = await join(running.port);
  stalled.pause();
  for (let n = 0; n < 3_000; n++) {
    srv.room("all").broadcast("message", { n, pad });
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  const start = Date.now();
  await srv.close();
  expect(Date.now() - start).toBeLessThan(1_000);
  expect(leftOver(srv)).toEqual({});
  stalled.destroy();
});
