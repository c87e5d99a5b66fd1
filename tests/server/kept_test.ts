import { expect, test } from "bun:test";
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  type ErrorInfo,
  MemoryBus,
  SocketError,
} from "../../mod.ts";
import { leftOver } from "../helpers/api.ts";
import { connect, type Fields, type Peer } from "../helpers/peer.ts";
import { settled, thrown, until, within } from "../helpers/wait.ts";

const contract = defineContract({
  shared: {
    serverToClient: {
      order: {
        payload: z.object({ n: z.number(), pad: z.string().optional() }),
        subscribe: true,
        params: z.object({ id: z.string() }),
        keep: { last: 10 },
        snapshot: z.array(z.number()),
      },
      feed: {
        payload: z.object({ n: z.number() }),
        subscribe: true,
        keep: { last: 5 },
      },
      price: { payload: z.number(), subscribe: true, keep: { last: 1 } },
    },
  },
  roles: {
    user: {},
    agent: {
      serverToClient: {
        desk: {
          payload: z.number(),
          subscribe: true,
          keep: { last: 3 },
          snapshot: z.string(),
        },
      },
    },
  },
});

/** Nodes on one bus. */
function create(
  { bus = new MemoryBus(), ...options }: {
    bus?: MemoryBus;
    backpressure?: { maxBufferedBytes?: number };
    limits?: { maxSnapshots?: number; maxSubscriptions?: number };
  } = {},
) {
  const errors: { error: unknown; info: ErrorInfo }[] = [];
  const srv = createSocketServer(contract, {
    adapter: createInMemoryAdapter(bus),
    authenticate: (request) =>
      request.url.includes("role=agent")
        ? { role: "agent" as const }
        : { role: "user" as const },
    onError: (error, info) => void errors.push({ error, info }),
    ...options,
  });
  srv.implement({});
  return { srv, bus, errors };
}
type Srv = ReturnType<typeof create>["srv"];

const publish = async (srv: Srv, ...ns: number[]) => {
  for (const n of ns) {
    expect(await srv.publish("feed", { n })).toEqual({ kept: true });
  }
};
const numbers = (peer: Peer) =>
  peer.of("pub").map(([, , payload]) => (payload as { n: number }).n);
const positionOf = ([, , joined]: Fields) =>
  (joined as { position: string }).position;
const lastOf = (peer: Peer) => (peer.of("pub").at(-1)?.[1] as string[])[2];

test("a subscriber gets what is published after its sub, in order, with contiguous positions", async () => {
  const { srv } = create();
  const peer = await connect(srv);
  const res = await peer.call("sub", 1, ["feed", null]);
  expect(res).toEqual(["res", 1, {
    live: true,
    position: expect.any(String),
    replayed: 0,
  }]);
  await publish(srv, 1, 2, 3);
  expect(numbers(peer)).toEqual([1, 2, 3]);
  const ns = peer.of("pub").map(([, element]) =>
    Number((element as string[])[2]?.split(".")[1])
  );
  expect(ns.map((n) => n - (ns[0] ?? 0))).toEqual([0, 1, 2]);
  peer.leave();
  await settled();
  expect(leftOver(srv)).toEqual({});
});

test("a subscriber that comes back gets what it missed, before what is live", async () => {
  const { srv } = create();
  const first = await connect(srv);
  const start = positionOf(await first.call("sub", 1, ["feed", null]));
  await publish(srv, 1, 2, 3);
  const last = lastOf(first);
  first.leave();
  await publish(srv, 4, 5);
  const second = await connect(srv);
  second.say(["sub", 1, ["feed", null, last]]);
  expect(await second.answer(1)).toEqual(["res", 1, {
    live: true,
    position: last,
    resumed: true,
    replayed: 2,
  }]);
  await publish(srv, 6);
  expect(numbers(second)).toEqual([4, 5, 6]);
  // From the mark of the log that was empty: six are more than five.
  const third = await connect(srv);
  const [, , joined] = await third.call("sub", 1, ["feed", null, start]);
  expect(joined).toMatchObject({ resumed: false, replayed: 0 });
  expect(srv.stats().topics).toMatchObject({
    kept: 6,
    gaps: 1,
    resumed: 1,
    replayed: 2,
    gapCauses: { trimmed: 1, epoch: 0 },
  });
});

test("exactly `last` missed messages are whole, one more is a gap", async () => {
  const { srv } = create();
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  await publish(srv, 0);
  const at = lastOf(peer);
  peer.leave();
  await publish(srv, 1, 2, 3, 4, 5);
  const whole = await connect(srv);
  const [, , joined] = await whole.call("sub", 1, ["feed", null, at]);
  expect(joined).toMatchObject({ resumed: true, replayed: 5 });
  expect(numbers(whole)).toEqual([1, 2, 3, 4, 5]);
  whole.leave();
  await publish(srv, 6);
  const late = await connect(srv);
  expect((await late.call("sub", 1, ["feed", null, at]))[2]).toMatchObject({
    resumed: false,
  });
  expect(numbers(late)).toEqual([]);
});

test("without after: live only, or the newest with replay", async () => {
  const { srv } = create();
  await publish(srv, 1, 2, 3);
  const peer = await connect(srv);
  peer.say(["sub", 1, ["feed", null], { replay: 2 }]);
  const [, , joined] = await peer.answer(1);
  expect(joined).toMatchObject({ live: true, replayed: 2 });
  await publish(srv, 4);
  expect(numbers(peer)).toEqual([2, 3, 4]);
  const all = await connect(srv);
  all.say(["sub", 1, ["feed", null], { replay: 5 }]);
  await all.answer(1);
  await publish(srv, 5);
  expect(numbers(all)).toEqual([1, 2, 3, 4, 5]);
});

test("a last value is delivered on sub, after a reconnect only when it is new", async () => {
  const { srv } = create();
  await srv.publish("price", 1);
  await srv.publish("price", 2);
  const peer = await connect(srv);
  const [, , joined] = await peer.call("sub", 1, ["price", null]);
  expect(joined).toEqual({ live: true });
  expect(peer.of("pub").map(([, , payload]) => payload)).toEqual([2]);
  const position = lastOf(peer);
  const again = await connect(srv);
  await again.call("sub", 1, ["price", null, position]);
  expect(again.of("pub")).toEqual([]);
  await srv.publish("price", 3);
  expect(again.of("pub").map(([, , payload]) => payload)).toEqual([3]);
  const late = await connect(srv);
  await late.call("sub", 1, ["price", null, position]);
  expect(late.of("pub").map(([, , payload]) => payload)).toEqual([3]);
});

test("the snapshot comes after the res and before messages, and again after a gap", async () => {
  const { srv, bus } = create();
  const state: number[] = [];
  srv.snapshot("order", ({ id }) => id === "1" ? state : []);
  const add = async (n: number) => {
    state.push(n);
    await srv.publish("order", { id: "1" }, { n });
  };
  await add(1);
  const peer = await connect(srv);
  peer.say(["sub", 1, ["order", { id: "1" }], { snapshot: 1 }]);
  await peer.answer(1);
  await add(2);
  expect(peer.frames.slice(1).map(([tag, , payload]) => [tag, payload]))
    .toEqual([
      ["res", expect.anything()],
      ["snap", [1]],
      ["pub", { n: 2 }],
    ]);
  const at = lastOf(peer);
  peer.leave();
  await add(3);
  const whole = await connect(srv);
  whole.say(["sub", 1, ["order", { id: "1" }, at], { snapshot: 1 }]);
  await whole.answer(1);
  expect(whole.of("snap")).toEqual([]);
  expect(numbers(whole)).toEqual([3]);
  bus.flush();
  await add(4);
  const gap = await connect(srv);
  gap.say(["sub", 1, ["order", { id: "1" }, at], { snapshot: 1 }]);
  expect((await gap.answer(1))[2]).toMatchObject({ resumed: false });
  expect(gap.of("snap")[0]?.[2]).toEqual([1, 2, 3, 4]);
});

test("messages that come while a snapshot is made follow it, and one that takes too long is UNAVAILABLE", async () => {
  const { srv } = create({ backpressure: { maxBufferedBytes: 20_000 } });
  let done = () => {};
  srv.snapshot(
    "order",
    () => new Promise((resolve) => done = () => resolve([7])),
  );
  const id = { id: "1" };
  const peer = await connect(srv);
  peer.say(["sub", 1, ["order", id], { snapshot: 1 }]);
  await settled();
  for (const n of [1, 2]) await srv.publish("order", id, { n });
  done();
  await peer.answer(1);
  await srv.publish("order", id, { n: 3 });
  expect(peer.frames.slice(2).map(([tag]) => tag)).toEqual([
    "snap",
    "pub",
    "pub",
    "pub",
  ]);
  expect(numbers(peer)).toEqual([1, 2, 3]);
  const slow = await connect(srv);
  slow.say(["sub", 1, ["order", id], { snapshot: 1 }]);
  for (let tries = 0; tries < 3; tries++) {
    await settled();
    for (let n = 0; n < 12; n++) {
      await srv.publish("order", id, { n, pad: "x".repeat(5_000) });
    }
    done();
  }
  expect((await slow.answer(1))[2]).toBe("UNAVAILABLE");
  expect(numbers(slow)).toEqual([]);
});

test("a snapshot that throws is its subscriber's error alone", async () => {
  const { srv, errors } = create();
  const failures: unknown[] = [new Error("secret"), new SocketError("PAY")];
  srv.forRole("agent").snapshot("desk", () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return "fine";
  });
  const [a, b, c] = await Promise.all(
    [1, 2, 3].map(() => connect(srv, { role: "agent" })),
  ) as [Peer, Peer, Peer];
  const sub: Fields = ["sub", 1, ["desk", null], { snapshot: 1 }];
  for (const peer of [a, b, c]) {
    peer.say(sub);
    await peer.answer(1);
  }
  expect((await a.answer(1))[2]).toBe("INTERNAL");
  expect((await b.answer(1))[2]).toBe("PAY");
  expect(c.of("snap")[0]?.[2]).toBe("fine");
  expect(errors.map(({ error }) => String(error))).toEqual(["Error: secret"]);
});

test("at most maxSnapshots functions run at once", async () => {
  const { srv } = create({ limits: { maxSnapshots: 2 } });
  let running = 0;
  let most = 0;
  srv.snapshot("order", async () => {
    most = Math.max(most, ++running);
    await settled();
    running--;
    return [];
  });
  const peers = await Promise.all(
    Array.from({ length: 20 }, () => connect(srv)),
  );
  for (const peer of peers) {
    peer.say(["sub", 1, ["order", { id: "1" }], { snapshot: 1 }]);
  }
  for (const peer of peers) {
    expect((await peer.answer(1))[2]).toMatchObject({ live: true });
  }
  expect(most).toBe(2);
});

test("an awaited publish is with this node's members before it resolves, and other nodes get it in the same order", async () => {
  const { srv: a, bus } = create();
  const { srv: b } = create({ bus });
  const [one, two] = [await connect(a), await connect(b)];
  for (const peer of [one, two]) await peer.call("sub", 1, ["feed", null]);
  let n = 0;
  const sent: number[] = [];
  for (let round = 0; round < 50; round++) {
    const own = ++n;
    const both = [
      a.publish("feed", { n: own }),
      b.publish("feed", { n: ++n }),
    ];
    await both[0];
    sent.push(own);
    expect(numbers(one)).toContain(own);
    await both[1];
  }
  await settled();
  expect(numbers(one)).toHaveLength(100);
  expect(numbers(two)).toEqual(numbers(one));
  expect(sent).toHaveLength(50);
});

test("publish throws for wrong data at once, and stores an id once", async () => {
  const { srv } = create();
  expect(() => srv.publish("feed", { n: "1" } as never)).toThrow(TypeError);
  expect(() => srv.publish("feed", { n: 1 }, { id: "" })).toThrow(TypeError);
  expect(() => srv.publish("feed", { n: 1 }, { id: "x".repeat(257) }))
    .toThrow(TypeError);
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  for (const n of [1, 1, 2]) {
    expect(await srv.publish("feed", { n }, { id: `m${n}` })).toEqual({
      kept: true,
    });
  }
  expect(numbers(peer)).toEqual([1, 2]);
});

test("while the broker is away a publish is not kept, and subscribers are told of it", async () => {
  const { srv, bus, errors } = create();
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  await publish(srv, 1);
  const at = lastOf(peer);
  bus.fail();
  for (const n of [2, 3]) {
    expect(await srv.publish("feed", { n })).toEqual({ kept: false });
  }
  expect(srv.stats().topics.notKept).toBe(2);
  const about = errors.filter(({ error }) => String(error).includes("feed"));
  expect(about).toHaveLength(1);
  const other = await connect(srv);
  expect((await other.call("sub", 1, ["price", null]))[2]).toBe(
    "UNAVAILABLE",
  );
  bus.restore();
  await publish(srv, 4);
  await until(() => peer.of("gap").length > 0, "it is told");
  expect(peer.of("gap")[0]?.[2]).toEqual(["feed", null, expect.any(String)]);
  peer.say(["sub", 2, ["feed", null, at]]);
  expect((await peer.answer(2))[2]).toMatchObject({ resumed: false });
});

for (
  const [title, element, options, says] of [
    ["garbage", ["feed", null, "garbage"], undefined, "position"],
    ["no text", ["feed", null, ""], undefined, "position"],
    ["replay 0", ["feed", null], { replay: 0 }, "replay"],
    ["replay above last", ["feed", null], { replay: 6 }, "replay"],
    ["replay of text", ["feed", null], { replay: "1" }, "replay"],
    ["another snapshot", ["feed", null], { snapshot: 3 }, "snapshot"],
  ] as const
) {
  test(`a sub with ${title} is BAD_REQUEST`, async () => {
    const { srv } = create();
    const peer = await connect(srv);
    peer.say(["sub", 1, element, options]);
    const [, , code, message] = await peer.answer(1);
    expect([code, message]).toEqual([
      "BAD_REQUEST",
      expect.stringContaining(says),
    ]);
    await settled();
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  });
}

test("positions of another topic, another epoch and the future are gaps", async () => {
  const { srv } = create();
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  await publish(srv, 1);
  const own = lastOf(peer) ?? "";
  const [epoch = "", n = "", tag = ""] = own.split(".");
  const future = `${epoch}.${String(Number(n) + 5).padStart(12, "0")}.${tag}`;
  const other = positionOf(await peer.call("sub", 2, ["price", null]));
  let id = 2;
  for (const after of [future, other, `other.${n}.${tag}`, `${epoch}.${n}.x`]) {
    const late = await connect(srv);
    const [, , joined] = await late.call("sub", ++id, ["feed", null, after]);
    expect(joined).toMatchObject({ live: true, resumed: false });
    await publish(srv, id);
    expect(numbers(late)).toEqual([id]);
  }
});

test("a node that lost a push reads it before it delivers what follows", async () => {
  const bus = new MemoryBus();
  const adapter = createInMemoryAdapter(bus);
  const open = adapter.open.bind(adapter);
  let lose = 0;
  adapter.open = (host) =>
    open({
      ...host,
      appended: (channel, entries) => {
        if (lose > 0) lose--;
        else host.appended(channel, entries);
      },
    });
  const { srv: a } = create({ bus });
  const b = createSocketServer(contract, {
    adapter,
    authenticate: () => ({ role: "user" }),
  });
  b.implement({});
  const peer = await connect(b);
  await peer.call("sub", 1, ["feed", null]);
  await publish(a, 1);
  await settled();
  lose = 1;
  await publish(a, 2);
  await settled();
  expect(numbers(peer)).toEqual([1]);
  await publish(a, 3);
  await until(() => numbers(peer).length === 3, "the hole is read");
  expect(numbers(peer)).toEqual([1, 2, 3]);
  expect(b.stats().topics.holes).toBe(1);
});

test("a log that was flushed: members are told, also without another message", async () => {
  const { srv, bus } = create();
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  await publish(srv, 1);
  const at = lastOf(peer);
  bus.flush();
  await publish(srv, 2);
  await until(() => peer.of("gap").length === 1, "told");
  peer.say(["sub", 2, ["feed", null, at]]);
  expect((await peer.answer(2))[2]).toMatchObject({ resumed: false });
  await publish(srv, 3);
  expect(numbers(peer).at(-1)).toBe(3);
});

test("a second sub catches up under the same authorization, and unsub ends it", async () => {
  const { srv } = create();
  const peer = await connect(srv);
  await peer.call("sub", 1, ["feed", null]);
  await publish(srv, 1, 2);
  const first = peer.of("pub")[0]?.[1] as string[];
  peer.say(["sub", 2, ["feed", null, first[2]]]);
  await peer.answer(2);
  expect(numbers(peer)).toEqual([1, 2, 2]);
  peer.say(["sub", 3, ["feed", null]], ["unsub", ["feed", null]]);
  expect((await peer.answer(3))[2]).toMatchObject({ live: false });
  await publish(srv, 3);
  await settled();
  expect(numbers(peer)).toEqual([1, 2, 2]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a thousand who come back in one turn share one read", async () => {
  const { srv } = create();
  const first = await connect(srv);
  await first.call("sub", 1, ["feed", null]);
  await publish(srv, 1, 2, 3, 4);
  const at = first.of("pub").map(([, element]) => (element as string[])[2]);
  first.leave();
  await settled();
  const peers = await Promise.all(
    Array.from({ length: 300 }, () => connect(srv)),
  );
  const { reads } = srv.stats().topics;
  for (const [index, peer] of peers.entries()) {
    peer.say(["sub", 1, ["feed", null, at[index % 4]]]);
  }
  for (const [index, peer] of peers.entries()) {
    const [, , joined] = await peer.answer(1);
    expect(joined).toMatchObject({ resumed: true, replayed: 3 - index % 4 });
    expect(numbers(peer)).toEqual([2, 3, 4].slice(index % 4));
  }
  expect(srv.stats().topics.reads - reads).toBe(1);
  expect(srv.stats().topics.sharedReads).toBeGreaterThan(290);
});

test("an adapter without a log is refused with a kept topic, by name", async () => {
  const { log: _, ...rest } = createInMemoryAdapter();
  const adapter = Object.assign(createInMemoryAdapter(), rest);
  Object.defineProperty(adapter, "log", { value: undefined });
  const error = thrown(() =>
    createSocketServer(contract, {
      adapter,
      authenticate: () => ({ role: "user" }),
    })
  );
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain('"shared.order" is kept');
  await Promise.resolve();
});

test("a long replay goes at the reader's pace, and messages meanwhile follow it", async () => {
  const big = defineContract({
    shared: {
      serverToClient: {
        log: {
          payload: z.object({ n: z.number(), pad: z.string() }),
          subscribe: true,
          keep: { last: 2_000 },
        },
      },
    },
    roles: { user: {} },
  });
  const srv = createSocketServer(big, {
    authenticate: () => ({ role: "user" }),
    backpressure: { maxBufferedBytes: 100_000 },
  });
  srv.implement({});
  const first = await connect(srv);
  const start = positionOf(await first.call("sub", 1, ["log", null]));
  first.leave();
  const pad = "x".repeat(1_000);
  for (let n = 0; n < 1_500; n++) await srv.publish("log", { n, pad });
  const peer = await connect(srv);
  peer.say(["sub", 1, ["log", null, start]]);
  await settled();
  for (let n = 1_500; n < 1_520; n++) await srv.publish("log", { n, pad });
  await within(until(() => numbers(peer).length === 1_520, "all", 10_000));
  expect(numbers(peer)).toEqual(Array.from({ length: 1_520 }, (_, n) => n));
  expect(peer.end).toBeUndefined();
});
