import { expect, spyOn, test } from "bun:test";
import { SocketError } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

test("onConnection is called once, before hi, and may use the connection", async () => {
  const calls: string[] = [];
  const { srv } = createTestServer({
    onConnection: (conn, ctx) => {
      calls.push(ctx.name);
      conn.emit("message", { n: 1 });
      srv.room("lobby").add(conn);
      srv.room("lobby").broadcast("message", { n: 2 });
    },
  });
  const peer = await connect(srv);
  await settled();
  expect(calls).toEqual(["ada"]);
  expect(peer.frames.map(([tag]) => tag)).toEqual(["hi", "evt", "evt"]);
  expect(peer.of("evt").map((frame) => frame[2])).toEqual([{ n: 1 }, { n: 2 }]);
});

test("hi waits for what onConnection returned", async () => {
  let go: () => void = () => {};
  const { srv } = createTestServer({
    onConnection: () => new Promise<void>((resolve) => go = resolve),
  });
  const peer = await connect(srv);
  await settled();
  expect(peer.frames).toEqual([]);
  expect(srv.stats().sizes["handshakes"]).toBe(1);
  go();
  await until(() => peer.of("hi").length === 1);
  expect(srv.stats().sizes["handshakes"]).toBe(0);
});

for (
  const [title, failure, code, reported] of [
    ["a plain error: 1011 and reported", new Error("secret"), 1011, 1],
    ["UNAUTHORIZED: 4401", new SocketError("UNAUTHORIZED", "log in"), 4401, 0],
    ["FORBIDDEN: 4403", new SocketError("FORBIDDEN", "not you"), 4403, 0],
    ["a code of its own: 4403", new SocketError("BANNED", "not you"), 4403, 0],
    ["UNAVAILABLE: 1013", new SocketError("UNAVAILABLE", "later"), 1013, 0],
    ["RATE_LIMITED: 1013", new SocketError("RATE_LIMITED", "later"), 1013, 0],
  ] as const
) {
  for (const how of ["throws", "rejects"]) {
    test(`onConnection that ${how} closes, ${title}`, async () => {
      const { srv, errors } = createTestServer({
        onConnection: () => {
          if (how === "throws") throw failure;
          return Promise.reject(failure);
        },
      });
      const peer = await connect(srv);
      await until(() => peer.end);
      expect(peer.end?.code).toBe(code);
      expect(peer.end?.reason).not.toContain("secret");
      expect(peer.of("hi")).toEqual([]);
      expect(errors.length).toBe(reported);
      expect(leftOver(srv)).toEqual({});
    });
  }
}

test("the client going while onConnection waits leaves nothing, and no hi", async () => {
  let go: () => void = () => {};
  const codes: number[] = [];
  const { srv } = createTestServer({
    onConnection: async (conn) => {
      await new Promise<void>((resolve) => go = resolve);
      srv.room("lobby").add(conn);
    },
    onDisconnect: (_conn, _ctx, code) => void codes.push(code),
  });
  const peer = await connect(srv);
  peer.leave();
  go();
  await settled();
  expect(peer.frames).toEqual([]);
  expect(codes).toEqual([1006]);
  expect(leftOver(srv)).toEqual({});
});

test("onConnection that takes longer than authTimeoutMs closes with 1013", async () => {
  const { srv } = createTestServer({
    authTimeoutMs: 20,
    onConnection: () => new Promise<void>(() => {}),
  });
  const peer = await connect(srv);
  await until(() => peer.end);
  expect(peer.end?.code).toBe(1013);
  expect(leftOver(srv)).toEqual({});
});

test("onDisconnect is called once, with the code, and the connection is in no room any more", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("lobby").add(conn),
    onDisconnect: (conn, ctx, code) => {
      seen.push(conn.role, ctx.name, code, srv.room("lobby").size);
      srv.room("lobby").add(conn);
      conn.emit("message", { n: 1 });
      conn.close();
    },
  });
  const peer = await connect(srv);
  peer.events?.closed(1001, "bye");
  peer.events?.closed(1006, "");
  expect(seen).toEqual(["user", "ada", 1001, 0]);
  expect(leftOver(srv)).toEqual({});
});

test("onDisconnect gets the code that the application closed with", async () => {
  const codes: number[] = [];
  const { srv } = createTestServer({
    onDisconnect: (_conn, _ctx, code) => void codes.push(code),
  });
  for (
    const code of [undefined, 4409, 1005, 1006, 1015, 5, 99_999, Number.NaN]
  ) {
    const peer = await connect(srv);
    srv.local.connections[0]?.close(code, "x".repeat(500));
    expect(peer.end?.code).toBe(code === 4409 ? 4409 : 1000);
    expect(new TextEncoder().encode(peer.end?.reason).length).toBeLessThan(124);
  }
  expect(codes).toEqual([1000, 4409, 1000, 1000, 1000, 1000, 1000, 1000]);
});

test("onDisconnect is not called for whom onConnection was not", async () => {
  let calls = 0;
  const { srv } = createTestServer({ onDisconnect: () => void calls++ });
  await srv.close();
  await connect(srv).catch(() => {});
  expect(calls).toBe(0);
});

test("hooks that throw or reject late go to onError and hurt nobody", async () => {
  const { srv, errors } = createTestServer({
    onDisconnect: (_conn, { name }) => {
      if (name === "sync") throw new SocketError("NO", "even a SocketError");
      return Promise.reject(new Error("late"));
    },
  });
  const sync = await connect(srv, { name: "sync" });
  const late = await connect(srv, { name: "late" });
  const other = await connect(srv);
  sync.leave();
  late.leave();
  await until(() => errors.length === 2);
  expect(errors.map(({ info }) => info)).toEqual([
    { source: "hook", name: "onDisconnect" },
    { source: "hook", name: "onDisconnect" },
  ]);
  expect((await other.call("req", 1, "echo", { text: "a" }))[0]).toBe("res");
});

for (const how of ["throws", "rejects"]) {
  test(`onError that itself ${how} is written to the console, and hurts nobody`, async () => {
    const console_ = spyOn(console, "error").mockImplementation(() => {});
    try {
      const { srv } = createTestServer({
        onError: () => {
          if (how === "throws") throw new Error("in onError");
          return Promise.reject(new Error("in onError"));
        },
      }, {
        run: () => {
          throw new Error("first");
        },
      });
      const peer = await connect(srv);
      expect((await peer.call("req", 1, "run", { key: "x" }))[2]).toBe(
        "INTERNAL",
      );
      await until(() => console_.mock.calls.length > 0, "a line", 500);
      expect(console_.mock.calls.flat().map(String).join(" ")).toContain(
        "in onError",
      );
      expect((await peer.call("req", 2, "echo", { text: "a" }))[0]).toBe("res");
    } finally {
      console_.mockRestore();
    }
  });
}

test("without onError an error is written to the console", async () => {
  const console_ = spyOn(console, "error").mockImplementation(() => {});
  try {
    const { srv } = createTestServer({ onError: undefined as never }, {
      run: () => {
        throw new Error("to the console");
      },
    });
    const peer = await connect(srv);
    await peer.call("req", 1, "run", { key: "x" });
    expect(console_.mock.calls.flat().map(String).join(" ")).toContain(
      "to the console",
    );
  } finally {
    console_.mockRestore();
  }
});

test("conn.data is what the schema made of it, defaults filled in", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv, { name: "bob" });
  expect(await peer.call("req", 1, "whoami", {})).toEqual(
    ["res", 1, { name: "bob", level: 1 }],
  );
  const agent = await connect(srv, { role: "agent" });
  expect(srv.local.connections.map(({ data }) => data)).toEqual([
    { name: "bob", level: 1 },
    undefined as never,
  ]);
  agent.leave();
});

test("a connection has an id of its node, its role and when it came", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const [conn] = srv.local.connections;
  expect(conn?.id.startsWith(`${srv.nodeId}.`)).toBe(true);
  expect(conn?.role).toBe("user");
  expect(Math.abs((conn?.connectedAt ?? 0) - Date.now())).toBeLessThan(5_000);
  expect(peer.of("hi")[0]?.[1]).toMatchObject({
    id: conn?.id,
    role: "user",
    v: 1,
  });
});

test("a hook may end other connections while a broadcast goes out", async () => {
  const { srv } = createTestServer({
    onConnection: (conn) => void srv.room("a").add(conn),
    onDisconnect: () => {
      for (const conn of srv.local.connections) conn.close(4409);
    },
  });
  const peers = [await connect(srv), await connect(srv), await connect(srv)];
  peers[0]?.leave();
  expect(peers.slice(1).map((peer) => peer.end?.code)).toEqual([4409, 4409]);
  expect(leftOver(srv)).toEqual({});
});
