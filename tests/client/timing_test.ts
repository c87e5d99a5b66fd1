import { afterEach, expect, jest, test } from "bun:test";
import type { ScriptedSocket } from "../helpers/scripted.ts";
import { scripted } from "./scripted_client.ts";

afterEach(() => {
  jest.useRealTimers();
});

/** Lets microtasks run while timers are fake. */
async function microtasks(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

/** Virtual milliseconds until the next dial. */
async function waitOf(
  sockets: ScriptedSocket[],
  limit = 100_000,
): Promise<number> {
  const before = sockets.length;
  const start = Date.now();
  while (sockets.length === before && Date.now() - start < limit) {
    jest.advanceTimersByTime(10);
    await microtasks();
  }
  return Date.now() - start;
}

test("1008 and 1013 wait about the longest, at once and with jitter", async () => {
  for (const code of [1008, 1013]) {
    jest.useFakeTimers();
    const { client, sockets } = scripted({ reconnectMaxMs: 20_000 });
    await microtasks();
    sockets[0]?.hi();
    sockets[0]?.end(code);
    const wait = await waitOf(sockets);
    expect(wait).toBeGreaterThanOrEqual(10_000);
    expect(wait).toBeLessThanOrEqual(20_020);
    client.close();
    jest.useRealTimers();
  }
});

for (
  const [title, act] of [
    ["accepts and closes", (s) => {
      s.open();
      s.end(1006);
    }],
    ["says hi and closes", (s) => {
      s.hi();
      s.end(1001);
    }],
    ["says hi and 4410", (s) => {
      s.hi();
      s.end(4410);
    }],
    ["says hi and away", (s) => {
      s.hi();
      s.receive(["away", { withinMs: 0 }]);
    }],
  ] as [string, (socket: ScriptedSocket) => void][]
) {
  test(`a server that ${title} is not dialled in a hot loop: the back-off grows`, async () => {
    jest.useFakeTimers();
    const { client, sockets } = scripted(
      { reconnectBaseMs: 100, reconnectMaxMs: 30_000 },
      act,
    );
    for (let ms = 0; ms < 60_000; ms += 5) {
      jest.advanceTimersByTime(5);
      await microtasks();
    }
    // Full jitter, doubling from 100 ms to 30 s: about a dozen in a minute.
    expect(sockets.length).toBeGreaterThan(4);
    expect(sockets.length).toBeLessThan(40);
    client.close();
  });
}

test("the back-off starts anew after a spell that held", async () => {
  jest.useFakeTimers();
  const { client, sockets } = scripted({
    reconnectBaseMs: 100,
    reconnectMaxMs: 1_000_000,
  });
  await microtasks();
  for (let n = 0; n < 10; n++) {
    sockets.at(-1)?.end(1006);
    await waitOf(sockets);
  }
  sockets.at(-1)?.hi();
  jest.advanceTimersByTime(11_000);
  sockets.at(-1)?.end(1006);
  expect(await waitOf(sockets)).toBeLessThanOrEqual(120);
  client.close();
});

test("no answer to the dial within 10 s is an attempt that failed", async () => {
  jest.useFakeTimers();
  const { client, sockets, states } = scripted();
  await microtasks();
  jest.advanceTimersByTime(10_001);
  expect(states[0]).toMatchObject({ state: "waiting", code: 1006 });
  expect(sockets[0]?.closed).toBeDefined();
  await microtasks();
  expect(sockets.length).toBe(2);
  client.close();
});

test("no hi within 10 s of the dial gives up with 4400, whatever else came", async () => {
  jest.useFakeTimers();
  const { client, sockets, states } = scripted();
  await microtasks();
  sockets[0]?.open();
  jest.advanceTimersByTime(5_000);
  sockets[0]?.text("pong");
  sockets[0]?.receive(["evt", "message", { n: 1 }]);
  jest.advanceTimersByTime(5_001);
  expect(states.at(-1)).toMatchObject({
    state: "closed",
    code: 4400,
    willRetry: false,
  });
  expect(sockets[0]?.closed?.code).toBe(4400);
  expect(client.state).toBe("closed");
});

for (const heartbeatMs of [1_000, 25_000]) {
  test(`a link that answers no ping, sent every ${heartbeatMs} ms, is left with 4408 and dialled anew`, async () => {
    jest.useFakeTimers();
    const { client, sockets, states } = scripted();
    await microtasks();
    sockets[0]?.hi({ heartbeatMs });
    for (let n = 0; n < 3; n++) {
      jest.advanceTimersByTime(heartbeatMs);
      expect(sockets[0]?.sent.at(-1)).toBe("ping");
      sockets[0]?.text("pong");
    }
    expect(client.state).toBe("open");
    jest.advanceTimersByTime(heartbeatMs);
    jest.advanceTimersByTime(Math.min(heartbeatMs, 10_000) + 10);
    expect(states[1]).toMatchObject({ state: "waiting", code: 4408 });
    expect(sockets[0]?.closed?.code).toBe(4408);
    await microtasks();
    expect(sockets.length).toBe(2);
    client.close();
  });
}

test("any frame is a sign of life, not only a pong", async () => {
  jest.useFakeTimers();
  const { client, sockets } = scripted();
  await microtasks();
  sockets[0]?.hi({ heartbeatMs: 20_000 });
  for (let n = 0; n < 10; n++) {
    jest.advanceTimersByTime(8_000);
    sockets[0]?.receive(["evt", "message", { n }]);
  }
  expect(client.state).toBe("open");
  client.close();
});

test("a subscription over a limit that does not pass is refused in the end", async () => {
  jest.useFakeTimers();
  const { client, sockets } = scripted();
  await microtasks();
  const [socket] = sockets;
  socket?.hi();
  const sub = client.subscribe("presence", () => {}, { onError: () => {} });
  let refused: unknown;
  sub.ready.catch((error) => refused = error);
  for (let attempt = 1; attempt <= 6; attempt++) {
    await microtasks();
    const asked = socket?.frames.filter(([tag]) => tag === "sub") ?? [];
    expect(asked.length).toBe(attempt);
    expect(refused).toBeUndefined();
    socket?.receive(["err", asked.at(-1)?.[1], "RATE_LIMITED", "too many"]);
    await microtasks();
    jest.advanceTimersByTime(2_000);
  }
  expect(refused).toMatchObject({ code: "RATE_LIMITED" });
  client.close();
});

test("a client that was suspended while it waited for a pong reads what came before it judges", async () => {
  jest.useFakeTimers();
  const { client, sockets, states } = scripted();
  await microtasks();
  sockets[0]?.hi();
  jest.advanceTimersByTime(25_000);
  expect(sockets[0]?.sent.at(-1)).toBe("ping");
  jest.setSystemTime(Date.now() + 60_000);
  jest.advanceTimersByTime(10_000);
  expect(client.state).toBe("open");
  sockets[0]?.text("pong");
  jest.advanceTimersByTime(10_010);
  expect(client.state).toBe("open");
  // A link that broke meanwhile is given up all the same.
  jest.setSystemTime(Date.now() + 3_600_000);
  jest.advanceTimersByTime(40_000);
  expect(states.some(({ code }) => code === 4408)).toBe(true);
  client.close();
});

test("a login of 30 days is renewed a minute before its end, and by a laptop that slept past it when it wakes", async () => {
  for (const sleeps of [false, true]) {
    jest.useFakeTimers();
    const days = 30 * 86_400_000;
    const expiresAt = Date.now() + days;
    const tokens: string[] = [];
    const token = () => {
      tokens.push(`token-${tokens.length}`);
      return tokens.at(-1);
    };
    const { client, sockets } = scripted({ token });
    await microtasks();
    sockets[0]?.hi({ expiresAt, heartbeatMs: 3_600_000 });
    if (sleeps) jest.setSystemTime(expiresAt + 1_000);
    else {
      for (let hours = 0; hours < 30 * 24 - 1; hours++) {
        jest.advanceTimersByTime(3_600_000);
        sockets[0]?.text("pong");
      }
      expect(tokens.length).toBe(1);
    }
    jest.advanceTimersByTime(3_600_000);
    jest.advanceTimersByTime(10);
    await microtasks();
    const [tag, , sent] = sockets[0]?.frames.at(-1) ?? [];
    expect([tag, sent]).toEqual(["auth", "token-1"]);
    client.close();
    jest.useRealTimers();
  }
});

test("a login that ended while a laptop slept: 4410, and at once back with a fresh token", async () => {
  jest.useFakeTimers();
  let asked = 0;
  const { client, sockets } = scripted({ token: () => `token-${asked++}` });
  await microtasks();
  sockets[0]?.hi({ expiresAt: Date.now() + 60_000 });
  jest.setSystemTime(Date.now() + 8 * 3_600_000);
  sockets[0]?.end(4410, "the login has expired");
  jest.advanceTimersByTime(1);
  await microtasks();
  expect(sockets.length).toBe(2);
  expect(sockets[1]?.protocols[1]).not.toBe(sockets[0]?.protocols[1]);
  client.close();
});
