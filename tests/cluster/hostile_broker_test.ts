/**
 * Somebody who may write to the broker, and knows what nodes send: whatever comes, no process ends, clients get frames
 * of their kind only, and half a minute after the last forged payload the cluster works as before.
 * `PAYLOADS=1000000 bun test tests/cluster/hostile_broker_test.ts` is the whole of it.
 */
import { afterEach, expect, test } from "bun:test";
import process from "node:process";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { TestClock } from "../../src/testing/mod.ts";
import { leftOver, type TestServer } from "../helpers/api.ts";
import { connect, type Peer } from "../helpers/peer.ts";
import { endAll, endings, node, raw, upTo } from "./nodes.ts";

afterEach(endAll);

const PAYLOADS = Number(process.env["PAYLOADS"] ?? 20_000);
const SEED = Number(process.env["SEED"] ?? 15);

const options = {
  identify: (conn: { ctx: { name: string } }) => conn.ctx.name,
  describe: (conn: { ctx: { name: string } }) => ({ name: conn.ctx.name }),
};

/** Numbers from 0 to 1, the same at every run (mulberry32). */
function createRandom(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4_294_967_296;
  };
}

test(
  "whatever is written to the broker, clients get frames of their kind, and the cluster heals",
  async () => {
    const clock = new TestClock();
    endings.push(() => clock.restore());
    const random = createRandom(SEED);
    const int = (below: number) => Math.floor(random() * below);
    const pick = <T>(from: readonly T[]): T => from[int(from.length)] as T; // never asked of an empty one
    const bus = new MemoryBus();
    const made = upTo(3).map(() => node(bus, {}, options));
    const [a, b] = made.map(({ srv }) => srv) as [TestServer, TestServer];
    const peers: Peer[] = [];
    for (const [at, srv] of [a, a, b, b].entries()) {
      const peer = await connect(srv, { name: `user ${at}` });
      await clock.advance(10);
      peer.say(["req", 1, "join", { room: "lobby" }], ["sub", 2, "presence"]);
      await clock.advance(10);
      peers.push(peer);
    }
    const all = new Map<string, number>(); // how often a watcher was told that one is there
    endings.push(a.cluster.watch({ room: "lobby" }, {
      join: ({ id }) => all.set(id, (all.get(id) ?? 0) + 1),
      leave: ({ id }) => all.set(id, (all.get(id) ?? 0) - 1),
    }));
    await clock.advance(10_000);

    const { adapter: attacker } = raw(bus);
    const overheard: { channel: string; payload: string }[] = [];
    const spy = createInMemoryAdapter(bus);
    spy.open({
      nodeId: "spy",
      message: (channel, payload) => {
        overheard[int(500)] = { channel, payload };
      },
      ...{ status: () => {}, dropped: () => {}, error: () => {} },
      ...{ appended: () => {}, lost: () => {} },
    });
    endings.push(() => spy.close());
    const ids = made.map(({ srv }) => srv.nodeId);
    const channels = [
      ...["nodes", "room:lobby", "room:none", "user:user 0", "role:user"],
      ...["topic::presence", "server:rebalance", "constructor", "room:", ""],
      ...ids.map((id) => `node:${id}`),
    ];
    for (const channel of channels) await spy.subscribe(channel);

    const conns = () =>
      [a, b].flatMap((srv) => srv.local.connections.map(({ id }) => id));
    const values: (() => unknown)[] = [
      ...[null, true, -1, 0, 1, 2 ** 53, 1e308, "", "x", "__proto__", "only"],
      ...["first", "next", "last", "change", "joined", "here", "left", "query"],
      ...["room", "connection", "server", "all", "count", "lobby", [], {}, [
        [],
      ]],
      ...["room:lobby", "user 0", "shared", "user", "message", "presence"],
    ].map((it) => () => it);
    values.push(
      () => pick(conns()),
      () => pick(ids),
      () => int(100),
      () => ["req", 0, pick(["confirm", "", 7])],
      () => ["evt", pick(["message", "x", 1]), { n: 1 }],
      () => ["res", 0, { text: "x" }],
      () => ["err", 0, pick(["X", 1]), "x"],
      () => [{ id: pick(conns()), role: "user", connectedAt: 0, rooms: [] }],
      () => [{ id: "ghost", role: "user", connectedAt: 0, rooms: [null] }],
      () => ({ fields: ["evt", "message"], payload: "AAAA" }),
      () => JSON.parse(`{"__proto__":{"polluted":1},"id":"x"}`),
      () => "y".repeat(int(3_000)),
    );
    const tags = [
      ...["evt", "pub", "srv", "res", "err", "req", "hi", "gap", "away"],
      ...["node", "event", "request", "response", "cancel", "watch", "unwatch"],
      ...["members", "cancel", "sub", "auth", "constructor", ""],
    ]; // no "close": whoever may write to the broker can end connections
    const frame = () =>
      JSON.stringify([
        pick(tags),
        ...upTo(int(7)).map(() => pick(values)()),
      ]);
    const body = () => {
      const lines = upTo(1 + int(4)).map(() => {
        const line = frame();
        const kind = int(12);
        if (kind === 0) return line.slice(0, int(line.length));
        if (kind === 1) return "[".repeat(int(100_000));
        if (kind === 2) return pick(["ping", "pong", "null", "{}", "\r", " "]);
        return line;
      });
      return lines.join("\n");
    };
    let seq = 0;
    const payload = (): [channel: string, payload: string] => {
      const kind = int(10);
      if (kind === 0) return [pick(channels), body()];
      const heard = pick(overheard);
      if (kind < 3 && heard) {
        const forged = kind === 1
          ? heard.payload
          : heard.payload.replace(/ \d+ ([tb])\n/, ` ${int(1e9)} $1\n`);
        return [pick([heard.channel, pick(channels)]), forged];
      }
      const from = pick([...ids, `z${int(5_000)}`, "x"]);
      const epoch = pick(["e", `e${int(20)}`]);
      const number = pick([++seq, ++seq, int(10) + 1, 1e14]);
      return [
        pick(channels),
        `1 ${from} ${epoch} ${number} ${pick(["t", "t", "t", "b"])}\n${body()}`,
      ];
    };
    for (let sent = 0; sent < PAYLOADS; sent += 100) {
      for (const _ of upTo(100)) attacker.publish(...payload());
      if (sent % 1_000 === 0) a.room("lobby").broadcast("message", { n: -1 });
      for (const peer of peers) peer.events?.alive();
      await clock.advance(50);
    }
    const kinds = new Set(
      peers.flatMap((peer) => peer.frames.map(([tag]) => tag)),
    );
    // `req` is a question that a forged message puts, `cancel` ends it.
    for (const tag of ["hi", "evt", "pub", "res", "req", "cancel", "gap"]) {
      kinds.delete(tag);
    }
    expect([...kinds]).toEqual([]);
    for (const peer of peers) {
      expect(peer.end).toBeUndefined();
      expect(peer.of("res").map(([, id]) => id)).toEqual([1, 2]); // its own
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    for (const { errors } of made) expect(errors.length).toBeLessThan(20);

    for (const peer of peers) peer.frames.length = 0;
    await clock.advance(35_000);
    const n = 1_000_000;
    a.room("lobby").broadcast("message", { n });
    b.room("lobby").broadcast("message", { n: n + 1 });
    b.publish("presence", { count: 7 });
    b.toUser("user 0").emit("message", { n: n + 2 });
    a.toRole("user").emit("message", { n: n + 3 });
    a.toConn(conns().at(-1) ?? "").emit("message", { n: n + 4 });
    await clock.advance(1_000);
    const got = peers.map((peer) =>
      peer.of("evt").map(([, , data]) => (data as { n: number }).n - n)
        .filter((it) => it >= 0).toSorted()
    );
    expect(got).toEqual([[0, 1, 2, 3], [0, 1, 3], [0, 1, 3], [0, 1, 3, 4]]);
    expect(peers.map((peer) => peer.of("pub").length)).toEqual([1, 1, 1, 1]);
    expect(await a.cluster.count()).toBe(4);
    expect(await b.cluster.room("lobby")).toHaveLength(4);
    expect((await a.cluster.nodes()).map(({ nodeId }) => nodeId).toSorted())
      .toEqual(ids.toSorted());
    const there = [...all].filter(([, times]) => times > 0).map(([id]) => id);
    expect(there.toSorted()).toEqual(conns().toSorted());
    for (const peer of peers) peer.leave();
    await clock.advance(120_000);
    const { sequences: _, watches, ...left } = leftOver(a);
    expect(left).toEqual({});
    expect(watches).toBe(2); // its own, on both sides
  },
  60_000 + PAYLOADS,
);
