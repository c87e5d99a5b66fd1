import { afterEach, expect, test } from "bun:test";
import { decode, encode } from "@msgpack/msgpack";
import { z } from "zod";
import {
  clientSurface,
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { createScript } from "../helpers/scripted.ts";
import { rejection, settled, until } from "../helpers/wait.ts";

const definition = {
  shared: {
    serverToClient: {
      feed: {
        payload: z.object({ n: z.number() }),
        subscribe: true,
        keep: { last: 20 },
      },
      order: {
        payload: z.object({ n: z.number() }),
        subscribe: true,
        params: z.object({ id: z.string() }),
        keep: { last: 5 },
        snapshot: z.array(z.number()),
      },
      price: { payload: z.number(), subscribe: true, keep: { last: 1 } },
    },
  },
  roles: { user: {} },
} as const;
const json = defineContract(definition);
const packed = defineContract({
  ...definition,
  serializer: {
    name: "msgpack",
    encode: (value) => encode(value),
    decode: (data) => decode(data as Uint8Array),
  },
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function create(contract: typeof json = json, bus = new MemoryBus()) {
  const srv = createSocketServer(contract, {
    adapter: createInMemoryAdapter(bus),
    authenticate: () => ({ role: "user" }),
  });
  srv.implement({});
  ends.push(() => srv.close());
  const client = () => {
    const made = createClient(contract, {
      url: "ws://app.test",
      role: "user",
      WebSocket: loopback(srv),
      reconnectBaseMs: 1,
    });
    ends.push(() => made.close());
    return made;
  };
  /** Ends all connections; the clients come back. */
  const drop = () => {
    for (const conn of srv.local.connections) conn.close(1012);
  };
  return { srv, bus, client, drop };
}

for (
  const [name, contract] of [["JSON", json], [
    "MessagePack",
    packed as never,
  ]] as const
) {
  test(`nothing is missed and nothing comes twice over reconnects, in ${name}`, async () => {
    const { srv, client, drop } = create(contract);
    const got: number[] = [];
    let gaps = 0;
    const sub = client().subscribe("feed", ({ n }) => void got.push(n), {
      onGap: () => gaps++,
    });
    expect(await sub.ready).toEqual({ live: true, replayed: 0 });
    let n = 0;
    for (let round = 0; round < 10; round++) {
      await srv.publish("feed", { n: ++n });
      drop();
      await srv.publish("feed", { n: ++n });
      await srv.publish("feed", { n: ++n });
      await until(() => srv.local.topics.get("feed") === 1, "it is back");
    }
    await until(() => got.length === n, () => `${n} in ${got}`);
    expect(got).toEqual(Array.from({ length: n }, (_, at) => at + 1));
    expect(gaps).toBe(0);
  });
}

test("a page that reloads goes on with after", async () => {
  const { srv, client } = create();
  const first = client();
  const got: number[] = [];
  const sub = first.subscribe("feed", ({ n }) => void got.push(n));
  await sub.ready;
  await srv.publish("feed", { n: 1 });
  await until(() => got.length === 1);
  const after = sub.position ?? "";
  expect(after).toMatch(/^[\w.-]+$/);
  first.close();
  for (const n of [2, 3]) await srv.publish("feed", { n });
  const again = client().subscribe("feed", ({ n }) => void got.push(n), {
    after,
  });
  expect(await again.ready).toEqual({
    live: true,
    resumed: true,
    replayed: 2,
  });
  await until(() => got.length === 3);
  expect(got).toEqual([1, 2, 3]);
  expect(again.position).not.toBe(after);
});

test("a gap is told once, with a fresh snapshot where there is one", async () => {
  const { srv, client, drop, bus } = create();
  const state: number[] = [];
  srv.snapshot("order", () => state);
  const log: string[] = [];
  const sub = client().subscribe(
    "order",
    { id: "1" },
    ({ n }) => void log.push(String(n)),
    {
      onSnapshot: (all) => void log.push(`[${all}]`),
      onGap: () => void log.push("gap"),
    },
  );
  await sub.ready;
  const add = (n: number) => {
    state.push(n);
    return srv.publish("order", { id: "1" }, { n });
  };
  await add(1);
  await until(() => log.length === 2);
  drop();
  for (let n = 2; n < 9; n++) await add(n);
  await until(() => log.includes("gap"));
  await until(() => log.at(-1)?.startsWith("["), "a snapshot");
  await add(9);
  await until(() => log.at(-1) === "9");
  expect(log).toEqual(["[]", "1", "gap", "[1,2,3,4,5,6,7,8]", "9"]);
  // While it stays connected.
  bus.flush();
  await add(10);
  await until(() => log.at(-1)?.endsWith("10]"), () => log.join(" "));
  expect(log.slice(5)).toEqual(["gap", "[1,2,3,4,5,6,7,8,9,10]"]);
});

test("a last value comes on subscribe, to a late listener, and after a reconnect", async () => {
  const { srv, client, drop } = create();
  await srv.publish("price", 1);
  const one = client();
  const got: number[] = [];
  const late: number[] = [];
  const sub = one.subscribe("price", (n) => void got.push(n));
  expect(await sub.ready).toEqual({ live: true });
  await until(() => got.length === 1);
  one.subscribe("price", (n) => void late.push(n));
  expect(late).toEqual([]);
  await until(() => late.length === 1);
  drop();
  await srv.publish("price", 2);
  await srv.publish("price", 3);
  await until(() => got.at(-1) === 3);
  expect(late.at(-1)).toBe(3);
  expect(got[0]).toBe(1);
  drop();
  await until(() => srv.local.topics.get("price") === 1);
  await settled();
  expect(got.filter((n) => n === 3)).toHaveLength(1);
});

test("a late onSnapshot asks again; the others miss nothing and get nothing twice", async () => {
  const { srv, client } = create();
  srv.snapshot("order", () => [7]);
  const one = client();
  const got: number[] = [];
  const snapshots: number[][] = [];
  const id = { id: "1" };
  await one.subscribe("order", id, ({ n }) => void got.push(n)).ready;
  await srv.publish("order", id, { n: 1 });
  one.subscribe("order", id, () => {}, {
    onSnapshot: (all) => void snapshots.push(all),
  });
  await srv.publish("order", id, { n: 2 });
  await until(() => snapshots.length === 1);
  await srv.publish("order", id, { n: 3 });
  await until(() => got.length === 3);
  expect(got).toEqual([1, 2, 3]);
  expect(snapshots).toEqual([[7]]);
});

test("after or replay of a topic that is subscribed is a TypeError", async () => {
  const { client } = create();
  const one = client();
  await one.subscribe("feed", () => {}).ready;
  for (const options of [{ after: "a" }, { replay: 1 }]) {
    expect(() => one.subscribe("feed", () => {}, options)).toThrow(TypeError);
  }
});

test("a position that is none is refused with BAD_REQUEST", async () => {
  const { client } = create();
  const { ready } = client().subscribe("feed", () => {}, {
    after: 'a","b',
    onError: () => {},
  });
  expect(await rejection(ready)).toMatchObject({ code: "BAD_REQUEST" });
});

test("a client of names keeps its place too", async () => {
  const { srv, drop } = create();
  const surface = JSON.parse(JSON.stringify(clientSurface(json, "user")));
  const keeps = new Map<string, { keep?: { last: number } }>(surface.topics);
  expect(keeps.get("feed")?.keep?.last).toBeGreaterThan(1);
  expect(keeps.get("price")?.keep).toEqual({ last: 1 });
  const client = createClient<(typeof json)["definition"], "user">(surface, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
    reconnectBaseMs: 1,
  });
  ends.push(() => client.close());
  const got: number[] = [];
  await client.subscribe(
    "feed",
    ({ n }: { n: number }) => void got.push(n),
  ).ready;
  await srv.publish("feed", { n: 1 });
  await until(() => got.length === 1);
  drop();
  await srv.publish("feed", { n: 2 });
  await until(() => got.length === 2);
  expect(got).toEqual([1, 2]);
});

/** A client whose server is the test, and its socket. */
async function scripted() {
  const script = createScript();
  const errors: unknown[] = [];
  const client = createClient(json, {
    url: "ws://app.test/",
    role: "user",
    WebSocket: script.WebSocket,
    onError: (error) => void errors.push(error),
  });
  ends.push(() => client.close());
  const socket = await script.dialled(0);
  return { client, socket, errors };
}
const at = (n: number, epoch = "e") =>
  `${epoch}.${String(n).padStart(12, "0")}.t`;
const pub = (n: number, epoch?: string): [string, ...unknown[]] => [
  "pub",
  ["feed", null, at(n, epoch)],
  { n },
];

test("holes and repeats on the wire: asked for again, and dropped", async () => {
  const { client, socket } = await scripted();
  socket.hi();
  const got: number[] = [];
  let gaps = 0;
  client.subscribe("feed", ({ n }) => void got.push(n), {
    onGap: () => gaps++,
  });
  await settled();
  expect(socket.frames).toEqual([["sub", 1, ["feed", null]]]);
  socket.receive(
    pub(4), // of before the res
    ["res", 1, { live: true, position: at(4), replayed: 0 }],
    pub(4),
    pub(5),
    pub(5),
    pub(7), // 6 is missing
    pub(8),
  );
  await settled();
  expect(got).toEqual([5]);
  expect(socket.frames.at(-1)).toEqual(["sub", 2, ["feed", null, at(5)]]);
  socket.receive(
    ["res", 1, { live: true, position: at(9) }], // of an older sub
    ["res", 2, { live: true, position: at(5), resumed: true, replayed: 3 }],
    pub(6),
    pub(7),
    pub(8),
    pub(9),
  );
  expect(got).toEqual([5, 6, 7, 8, 9]);
  expect(gaps).toBe(0);
  socket.receive(pub(1, "f")); // another epoch is never dropped for its number
  await settled();
  expect(socket.frames.at(-1)).toEqual(["sub", 3, ["feed", null, at(9)]]);
  socket.receive(
    ["res", 3, { live: true, position: at(1, "f"), resumed: false }],
    pub(2, "f"),
    ["skip", ["feed", null, at(3, "f")]],
    pub(4, "f"),
  );
  expect(got.slice(5)).toEqual([2, 4]);
  expect(gaps).toBe(2);
});

test("gap of the server: every kept topic asks again, or the one that it names", async () => {
  const { client, socket } = await scripted();
  socket.hi();
  const gaps: unknown[] = [];
  client.onGap((gap) => gaps.push(gap));
  client.subscribe("feed", () => {});
  client.subscribe("price", () => {});
  await settled();
  socket.receive(
    ["res", 1, { live: true, position: at(1), replayed: 0 }],
    ["res", 2, { live: true, position: at(1, "p") }],
    ["gap", { dropped: 3 }],
  );
  await settled();
  expect(gaps).toEqual([{ dropped: 3 }]);
  expect(socket.frames.slice(2)).toEqual([
    ["sub", 3, ["feed", null, at(1)]],
    ["sub", 4, ["price", null, at(1, "p")]],
  ]);
  socket.receive(
    ["res", 3, { live: true, position: at(1), resumed: true, replayed: 0 }],
    ["res", 4, { live: true, position: at(1, "p") }],
    ["gap", {}, ["price", null, at(2, "p")]],
  );
  await settled();
  expect(gaps).toHaveLength(1);
  expect(socket.frames.slice(4)).toEqual([
    ["sub", 5, ["price", null, at(1, "p")]],
  ]);
});

test("the position moves on when the listeners have run, one that throws included", async () => {
  const { client, socket, errors } = await scripted();
  socket.hi();
  const seen: unknown[] = [];
  const sub = client.subscribe("feed", () => {
    seen.push(sub.position);
    throw new Error("listener");
  });
  await settled();
  socket.receive(
    ["res", 1, { live: true, position: at(1), replayed: 0 }],
    pub(2),
    pub(3),
  );
  expect(seen).toEqual([at(1), at(2)]);
  expect(sub.position).toBe(at(3));
  expect(errors).toHaveLength(2);
});

test("a server without log rejects a kept topic locally with UNAVAILABLE, and is sent nothing", async () => {
  const { client, socket } = await scripted();
  socket.hi({ features: ["params"] });
  const { ready } = client.subscribe("feed", () => {}, { onError: () => {} });
  expect(await rejection(ready)).toMatchObject({ code: "UNAVAILABLE" });
  await settled();
  expect(socket.frames).toEqual([]);
});

test("a client that missed more messages than one read brings gets them all without another publish", async () => {
  const long = defineContract({
    shared: {
      serverToClient: {
        feed: {
          payload: z.object({ n: z.number() }),
          subscribe: true,
          keep: { last: 2_000 },
        },
      },
    },
    roles: { user: {} },
  });
  const { srv, client } = create(long as never);
  const first = client();
  const sub = first.subscribe("feed", () => {});
  await sub.ready;
  const after = sub.position;
  first.close();
  for (let n = 1; n <= 1_200; n++) void srv.publish("feed", { n });
  await srv.publish("feed", { n: 1_201 });
  const got: number[] = [];
  let gaps = 0;
  client().subscribe("feed", ({ n }) => void got.push(n), {
    after: after ?? "",
    onGap: () => gaps++,
  });
  await until(() => got.length >= 1_201, () => `${got.length} of 1201`);
  expect(got).toEqual(Array.from({ length: 1_201 }, (_, at) => at + 1));
  expect(gaps).toBe(0);
});
