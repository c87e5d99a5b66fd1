import { expect, test } from "bun:test";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect, connectMany } from "../helpers/peer.ts";
import { settled, thrown, until } from "../helpers/wait.ts";

/** Connections and their peers, each already there. */
async function people(
  made: ReturnType<typeof createTestServer>,
  count: number,
) {
  const peers = await connectMany(made.srv, count);
  return { peers, conns: made.srv.local.connections };
}

test("a room has the members that were added, each once", async () => {
  const made = createTestServer();
  const { conns: [ada, bob] } = await people(made, 2);
  const room = made.srv.room("lobby");
  if (!ada || !bob) throw new Error("nobody came");
  expect(await room.add(ada)).toEqual({ live: true });
  room.add(ada);
  room.add(bob);
  expect(room.size).toBe(2);
  expect(room.connections).toEqual([ada, bob]);
  expect(made.srv.local.rooms).toEqual(new Map([["lobby", 2]]));
  room.remove(ada);
  room.remove(ada);
  expect(room.connections).toEqual([bob]);
});

test("add takes effect before it returns, remove too", async () => {
  const made = createTestServer();
  const { peers: [peer], conns: [conn] } = await people(made, 1);
  const room = made.srv.room("lobby");
  if (!peer || !conn) throw new Error("nobody came");
  room.add(conn);
  room.broadcast("message", { n: 1 });
  room.remove(conn);
  room.broadcast("message", { n: 2 });
  await settled();
  expect(peer.of("evt")).toEqual([["evt", "message", { n: 1 }]]);
});

test("a broadcast reaches members and nobody else", async () => {
  const made = createTestServer();
  const { peers, conns } = await people(made, 5);
  for (const conn of conns.slice(0, 3)) made.srv.room("a").add(conn);
  made.srv.room("a").broadcast("message", { n: 1 });
  made.srv.room("b").broadcast("message", { n: 2 });
  await settled();
  expect(peers.map((peer) => peer.of("evt").length)).toEqual([1, 1, 1, 0, 0]);
});

test("room names that differ by a separator are different rooms", async () => {
  const made = createTestServer();
  const { peers: [peer], conns: [conn] } = await people(made, 1);
  if (!peer || !conn) throw new Error("nobody came");
  const names = [
    "a:b",
    "a%3Ab",
    "a",
    "room:a",
    "__proto__",
    "constructor",
    "\u00e9",
    "e\u0301",
  ];
  for (const [index, name] of names.entries()) {
    const room = made.srv.room(name);
    expect(room.size).toBe(0);
    room.add(conn);
    expect(room.size).toBe(1);
    room.broadcast("message", { n: index });
  }
  await settled();
  expect(peer.of("evt").length).toBe(names.length);
  expect([...made.srv.local.rooms.keys()]).toEqual(names);
});

test("a name that is empty, too long or not well formed is BAD_REQUEST", () => {
  const { srv } = createTestServer();
  for (
    const name of ["", "x".repeat(257), "\uD800", 5 as never, null as never]
  ) {
    expect(thrown(() => srv.room(name))).toMatchObject({ code: "BAD_REQUEST" });
  }
  expect(srv.room("x".repeat(256)).size).toBe(0);
});

test("a closed connection joins nothing", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const [conn] = srv.local.connections;
  if (!conn) throw new Error("nobody came");
  peer.leave();
  expect(await srv.room("lobby").add(conn)).toEqual({ live: false });
  expect(srv.room("lobby").size).toBe(0);
  srv.room("lobby").remove(conn);
  expect(leftOver(srv)).toEqual({});
});

test("a join after the connection closed while the handler awaited leaves no member", async () => {
  let go: () => void = () => {};
  let joined = false;
  const { srv } = createTestServer({}, {
    join: async ({ room }, _ctx, conn) => {
      await new Promise<void>((resolve) => go = resolve);
      const result = await srv.room(room).add(conn);
      joined = true;
      return result;
    },
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "join", { room: "lobby" }]);
  peer.leave();
  go();
  await until(() => joined);
  expect(srv.room("lobby").size).toBe(0);
  expect(leftOver(srv)).toEqual({});
});

test("a room is gone with its last member", async () => {
  const made = createTestServer();
  const { peers, conns } = await people(made, 3);
  for (const conn of conns) made.srv.room("lobby").add(conn);
  for (const peer of peers) peer.leave();
  expect(made.srv.local.rooms.size).toBe(0);
  expect(leftOver(made.srv)).toEqual({});
});

test("more rooms than maxRooms are RATE_LIMITED, and a room left makes space", async () => {
  const { srv } = createTestServer({ limits: { maxRooms: 2 } });
  await connect(srv);
  const [conn] = srv.local.connections;
  if (!conn) throw new Error("nobody came");
  srv.room("a").add(conn);
  srv.room("a").add(conn);
  srv.room("b").add(conn);
  expect(thrown(() => srv.room("c").add(conn))).toMatchObject({
    code: "RATE_LIMITED",
  });
  expect(srv.room("c").size).toBe(0);
  srv.room("a").remove(conn);
  srv.room("c").add(conn);
  expect(srv.room("c").size).toBe(1);
});

test("a connection of another server is refused", async () => {
  const one = createTestServer().srv;
  const other = createTestServer().srv;
  await connect(one);
  const [conn] = one.local.connections;
  if (!conn) throw new Error("nobody came");
  expect(() => other.room("a").add(conn)).toThrow(TypeError);
  expect(() => other.room("a").remove({ ...conn })).toThrow(TypeError);
});

test("what a broadcast may not send throws at once, and nobody gets it", async () => {
  const made = createTestServer();
  const { peers: [peer], conns: [conn] } = await people(made, 1);
  if (!peer || !conn) throw new Error("nobody came");
  const room = made.srv.room("a");
  room.add(conn);
  const refused = thrown(() => room.broadcast("message", { n: "1" } as never));
  expect(refused).toBeInstanceOf(TypeError);
  expect((refused as { cause: unknown }).cause).toMatchObject({
    issues: [{ path: ["n"] }],
  });
  expect(() => room.broadcast("order" as never, { prompt: "" } as never))
    .toThrow(TypeError);
  expect(() => room.broadcast("presence" as never, { count: 1 } as never))
    .toThrow(TypeError);
  expect(() => room.broadcast("constructor" as never, {} as never))
    .toThrow(TypeError);
  await settled();
  expect(peer.of("evt")).toEqual([]);
});

test("members get the schema's output: defaults filled in, stray fields gone", async () => {
  const made = createTestServer();
  const { peers: [peer], conns: [conn] } = await people(made, 1);
  if (!peer || !conn) throw new Error("nobody came");
  made.srv.room("a").add(conn);
  made.srv.room("a").broadcast(
    "stamped",
    { n: 1, passwordHash: "x" } as never,
  );
  await settled();
  expect(peer.of("evt")).toEqual([["evt", "stamped", { n: 1, tag: "none" }]]);
});

test("a reply never overtakes a broadcast made before it", async () => {
  const { srv } = createTestServer({}, {
    run: ({ key }, _ctx, conn) => {
      const room = srv.room("a");
      room.add(conn);
      room.broadcast("message", { n: 1 });
      return { value: key };
    },
  });
  const peers = await connectMany(srv, 3);
  for (const peer of peers) await peer.call("req", 1, "run", { key: "x" });
  const tags = peers[2]?.frames.map(([tag]) => tag);
  expect(tags).toEqual(["hi", "evt", "res"]);
});

test("a member that is removed between two broadcasts of one turn gets the first only", async () => {
  const made = createTestServer();
  const { peers, conns } = await people(made, 4);
  const room = made.srv.room("a");
  for (const conn of conns) room.add(conn);
  room.broadcast("message", { n: 1 });
  if (conns[0]) room.remove(conns[0]);
  room.broadcast("message", { n: 2 });
  if (conns[0]) room.add(conns[0]);
  if (conns[1]) room.remove(conns[1]);
  room.broadcast("message", { n: 3 });
  await settled();
  const heard = peers.map((peer) =>
    peer.of("evt").map((frame) => (frame[2] as { n: number }).n)
  );
  expect(heard).toEqual([[1, 3], [1, 2], [1, 2, 3], [1, 2, 3]]);
});

test("broadcasts and messages to one member keep their order within one turn", async () => {
  const made = createTestServer();
  const { peers, conns } = await people(made, 4);
  const [a, b] = [made.srv.room("a"), made.srv.room("b")];
  for (const [index, conn] of conns.entries()) {
    a.add(conn);
    if (index % 2) b.add(conn);
  }
  const expected: number[][] = [[], [], [], []];
  for (let n = 0; n < 400; n++) {
    const pick = (n * 7919) % 5;
    if (pick < 2) {
      a.broadcast("message", { n });
      for (const list of expected) list.push(n);
    } else if (pick === 2) {
      b.broadcast("message", { n });
      expected[1]?.push(n);
      expected[3]?.push(n);
    } else {
      const to = (n * 31) % 4;
      conns[to]?.emit("message", { n });
      expected[to]?.push(n);
    }
    if (n % 50 === 0) await Promise.resolve();
  }
  await settled();
  const heard = peers.map((peer) =>
    peer.of("evt").map((frame) => (frame[2] as { n: number }).n)
  );
  expect(heard).toEqual(expected);
});
