import { expect, jest, test } from "bun:test";
import type { Handshake, HandshakeExtras } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, Peer, upgradeRequest } from "../helpers/peer.ts";
import { settled, until, within } from "../helpers/wait.ts";

/** A peer that never answers a close frame, on a runtime that waits for it. */
class DeafPeer extends Peer {
  readonly lingers = true;
  cut = false;

  override close(code: number, reason: string): void {
    this.end ??= { code, reason };
  }

  terminate: (() => void) | undefined = () => {
    this.cut = true;
    this.events?.closed(1006, "");
  };
}

interface Handshaker {
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
}

async function connectDeaf(
  srv: Handshaker,
  headers: Record<string, string> = {},
): Promise<DeafPeer> {
  const peer = new DeafPeer();
  const handshake = await srv.handshake(upgradeRequest({ headers }));
  if (handshake.kind === "respond") throw new Error("it was answered");
  peer.events = handshake.open(peer);
  return peer;
}

test("a peer that ignores the close frame is counted, and cut after closeTimeoutMs, logged in or refused", async () => {
  const { srv } = createTestServer({ closeTimeoutMs: 50, origins: [] });
  const refused = await connectDeaf(srv, { origin: "https://evil.test" });
  const closed = await connectDeaf(srv);
  srv.local.connections[0]?.close(4409, "bye");
  expect([refused.end?.code, closed.end?.code]).toEqual([4403, 4409]);
  expect(leftOver(srv)).toEqual({ closing: 2 });
  await until(() => refused.cut && closed.cut);
  expect(leftOver(srv)).toEqual({});
});

test("a peer that answers in time is not cut", async () => {
  const { srv } = createTestServer({ closeTimeoutMs: 30 });
  const peer = await connectDeaf(srv);
  srv.local.connections[0]?.close(4409);
  expect(leftOver(srv)).toEqual({ closing: 1 });
  peer.events?.closed(4409, "");
  expect(leftOver(srv)).toEqual({});
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(peer.cut).toBe(false);
});

test("past maxClosing those that have been closing for a second are cut, younger ones never", async () => {
  jest.useFakeTimers();
  try {
    const { srv } = createTestServer({ limits: { maxClosing: 2 } });
    const peers: DeafPeer[] = [];
    const next = async () => {
      const peer = await connectDeaf(srv);
      peers.push(peer);
      srv.local.connections[0]?.close();
    };
    for (let n = 0; n < 4; n++) await next();
    expect(peers.map(({ cut }) => cut)).toEqual([false, false, false, false]);
    jest.advanceTimersByTime(1_001);
    await next();
    expect(peers.map(({ cut }) => cut)).toEqual(
      [true, true, true, false, false],
    );
    expect(leftOver(srv)).toEqual({ closing: 2 });
  } finally {
    jest.useRealTimers();
  }
});

test("where nothing can be cut, refusals are HTTP and newcomers past maxClosing get 503", async () => {
  const { srv } = createTestServer({
    limits: { maxClosing: 1 },
    origins: ["https://a.test"],
  });
  const extras = { cannotTerminate: true, refuseByHttp: true };
  const statusOf = async (headers: Record<string, string> = {}) => {
    const answer = await srv.handshake(upgradeRequest({ headers }), extras);
    return answer.kind === "respond" ? answer.response.status : 101;
  };
  expect(await statusOf({ origin: "https://evil.test" })).toBe(403);
  expect(leftOver(srv)).toEqual({});
  const peer = await connectDeaf(srv);
  peer.terminate = undefined;
  srv.local.connections[0]?.close();
  expect(leftOver(srv)).toEqual({ closing: 1 });
  expect(await statusOf()).toBe(503);
  expect(srv.stats().refusals).toMatchObject({ origin: 1, maxClosing: 1 });
  peer.events?.closed(1000, "");
  expect(await statusOf()).toBe(101);
});

test("close waits for peers to answer, and cuts those that do not within a second", async () => {
  const { srv } = createTestServer();
  const deaf = await connectDeaf(srv);
  const polite = await connectDeaf(srv);
  const start = performance.now();
  const closed = srv.close();
  await settled();
  polite.events?.closed(1012, "");
  await within(closed, 2_000);
  expect(performance.now() - start).toBeGreaterThan(900);
  expect([deaf.cut, polite.cut]).toEqual([true, false]);
  expect(leftOver(srv)).toEqual({});
});

test("close with nobody left takes no time", async () => {
  const { srv } = createTestServer();
  const peer = await connectDeaf(srv);
  const closed = srv.close();
  peer.events?.closed(1012, "");
  await within(closed, 200);
});

test("a login slot is free when authenticate is over, though the socket never opens", async () => {
  jest.useFakeTimers();
  try {
    const { srv } = createTestServer({ limits: { maxPendingHandshakes: 2 } });
    for (let n = 0; n < 10; n++) await srv.handshake(upgradeRequest());
    expect(leftOver(srv)).toEqual({ opening: 10 }); // a burst
    const honest = await connect(srv);
    expect(honest.end).toBeUndefined();
    honest.leave();
    jest.advanceTimersByTime(1_001);
    for (let n = 0; n < 20; n++) await srv.handshake(upgradeRequest());
    expect(leftOver(srv)).toEqual({ opening: 20 }); // those that had a second are given up
  } finally {
    jest.useRealTimers();
  }
});

test("a reader that has stopped gets no pong, so that its answers do not wait without a bound", async () => {
  const { srv } = createTestServer({ backpressure: { maxBufferedBytes: 10 } });
  const peer = await connect(srv);
  const pongs = () => peer.messages.filter((it) => it === "pong").length;
  peer.events?.message("ping");
  peer.waiting = 11;
  peer.events?.message("ping");
  expect(pongs()).toBe(1);
  peer.drain();
  peer.events?.message("ping");
  expect(pongs()).toBe(2);
});

test("a socket that opens after it was given up is closed with 1013", async () => {
  jest.useFakeTimers();
  try {
    const { srv } = createTestServer();
    const handshake = await srv.handshake(upgradeRequest());
    if (handshake.kind === "respond") throw new Error("it was answered");
    await Promise.resolve(); // the shared timer is set after this turn
    await Promise.resolve();
    jest.advanceTimersByTime(5_001);
    expect(leftOver(srv)).toEqual({});
    const peer = new Peer();
    peer.events = handshake.open(peer);
    expect(peer.end?.code).toBe(1013);
    expect(leftOver(srv)).toEqual({});
  } finally {
    jest.useRealTimers();
  }
});

test("onConnection and authenticate share authTimeoutMs, though the slot was free between", async () => {
  const pause = (ms: number) =>
    new Promise((resolve) => setTimeout(resolve, ms));
  const { srv } = createTestServer({
    authTimeoutMs: 200,
    authenticate: async () => {
      await pause(150);
      return { role: "agent", ctx: { name: "" } };
    },
    onConnection: () => new Promise(() => {}),
  });
  const peer = await connect(srv);
  expect(leftOver(srv)).toEqual({ sessions: 1, handshakes: 1 });
  const start = performance.now();
  await until(() => peer.end);
  expect(performance.now() - start).toBeLessThan(150);
  expect(peer.end?.code).toBe(1013);
});
