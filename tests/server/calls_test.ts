import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract, SocketError } from "../../mod.ts";
import { createTestServer, leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { settled, thrown } from "../helpers/wait.ts";

/** A server of one request, whose handler and output schema the test gives. */
function serverOf(
  output: unknown,
  handler: (input: unknown) => unknown,
  options: object = {},
) {
  const errors: unknown[] = [];
  const contract = defineContract({
    roles: {
      user: {
        clientToServer: { ask: { input: z.unknown(), output: z.any() } },
      },
    },
  });
  const entry = contract.roles.get("user")?.calls.get("ask");
  Object.assign(entry ?? {}, { output });
  const srv = createSocketServer(contract, {
    authenticate: () => ({ role: "user" as const }),
    onError: (error) => void errors.push(error),
    ...options,
  });
  srv.implement({ user: { ask: handler as never } });
  return { srv, errors };
}

test("a request is answered with its output", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "hi" })).toEqual(
    ["res", 1, { text: "hi" }],
  );
  expect(srv.stats().requests).toBe(1);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a handler gets input, ctx, its connection and the call", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({}, {
    run: ({ key }, ctx, conn, call) => {
      seen.push(key, ctx, conn === srv.local.connections[0], call.id);
      return { value: key };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 7, "run", { key: "k" });
  expect(seen).toEqual(["k", { name: "ada" }, true, 7]);
});

test("input that the schema refuses is VALIDATION with issues, and no handler sees it", async () => {
  let calls = 0;
  const { srv, errors } = createTestServer({}, {
    echo: ({ text }) => {
      calls++;
      return { text };
    },
  });
  const peer = await connect(srv);
  for (const [index, input] of [{ text: 1 }, null, [], "x", {}].entries()) {
    const answer = await peer.call("req", index + 1, "echo", input);
    expect(answer.slice(0, 3)).toEqual(["err", index + 1, "VALIDATION"]);
    expect((answer[4] as { issues: unknown[] }).issues.length).toBe(1);
  }
  const absent = await peer.call("req", 9, "echo");
  expect(absent[2]).toBe("VALIDATION");
  expect(calls).toBe(0);
  expect(errors).toEqual([]);
});

test("a handler sees the schema's output of the input, stray fields gone", async () => {
  let seen: unknown;
  const { srv } = createTestServer({}, {
    echo: (input) => {
      seen = input;
      return input;
    },
  });
  const peer = await connect(srv);
  peer.events?.message(
    '["req",1,"echo",{"text":"a","admin":true,"__proto__":{"admin":true}}]',
  );
  await peer.answer(1);
  expect(seen).toEqual({ text: "a" });
  expect((seen as { admin?: boolean }).admin).toBeUndefined();
});

test("a name outside of the role is NOT_FOUND: another role's, a signal, a prototype's", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const names = [
    "act",
    "typing",
    "constructor",
    "__proto__",
    "toString",
    "",
    "message",
  ];
  for (const [index, name] of names.entries()) {
    expect((await peer.call("req", index + 1, name, {}))[2]).toBe("NOT_FOUND");
  }
  const agent = await connect(srv, { role: "agent" });
  expect(await agent.call("req", 1, "act", {})).toEqual(
    ["res", 1, { done: true }],
  );
});

test("stray fields of an output do not leave", async () => {
  const { srv } = createTestServer({}, {
    echo: ({ text }) => ({ text, passwordHash: "secret" }),
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["res", 1, { text: "a" }],
  );
});

test("with validateOutput off they do leave, and nothing is refused", async () => {
  const { srv } = createTestServer({ validateOutput: false }, {
    echo: ({ text }) => ({ text, extra: 1 }),
    run: () => ({ wrong: true }) as never,
  });
  const peer = await connect(srv);
  expect((await peer.call("req", 1, "echo", { text: "a" }))[2]).toEqual(
    { text: "a", extra: 1 },
  );
  expect((await peer.call("req", 2, "run", { key: "a" }))[2]).toEqual(
    { wrong: true },
  );
  const [conn] = srv.local.connections;
  conn?.emit("stamped", { n: "?" } as never);
  await settled();
  expect(peer.of("evt")).toEqual([["evt", "stamped", { n: "?" }]]);
});

test("an output that its schema refuses is INTERNAL to the caller, the issues go to onError", async () => {
  const { srv, errors } = createTestServer({}, {
    echo: () => ({ text: 5 }) as never,
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["err", 1, "INTERNAL", "The server failed"],
  );
  expect(errors.length).toBe(1);
  expect((errors[0]?.error as Error).cause).toMatchObject({
    issues: [{ path: ["text"] }],
  });
  expect(errors[0]?.info).toMatchObject({
    name: "echo",
    connectionId: srv.local.connections[0]?.id,
  });
});

test("INTERNAL tells nothing of the inside", async () => {
  const { srv, errors } = createTestServer({}, {
    echo: () => {
      throw new Error("password is hunter2", { cause: "inside" });
    },
    run: () => Promise.reject({ code: "FAKE", message: "not one" }),
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "echo", { text: "a" });
  await peer.call("req", 2, "run", { key: "a" });
  expect(peer.frames.slice(1)).toEqual([
    ["err", 1, "INTERNAL", "The server failed"],
    ["err", 2, "INTERNAL", "The server failed"],
  ]);
  expect(errors.length).toBe(2);
});

test("a SocketError arrives as itself, with data and without cause", async () => {
  const { srv, errors } = createTestServer({}, {
    echo: () => {
      throw new SocketError("SOLD_OUT", "none left", { waiting: 12 }, {
        cause: new Error("inside"),
      });
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["err", 1, "SOLD_OUT", "none left", { waiting: 12 }],
  );
  expect(errors).toEqual([]);
});

test("a SocketError of another copy of the package is one", async () => {
  class SocketError extends Error {
    override name = "SocketError";
    code = "THEIRS";
  }
  const { srv } = createTestServer({}, {
    echo: () => {
      throw new SocketError("of a copy");
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["err", 1, "THEIRS", "of a copy"],
  );
});

test("a SocketError whose data cannot be sent arrives without it, and is reported", async () => {
  const { srv, errors } = createTestServer({}, {
    echo: () => {
      throw new SocketError("BIG", "too big", 1n);
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "echo", { text: "a" })).toEqual(
    ["err", 1, "BIG", "too big"],
  );
  expect(errors.length).toBe(1);
});

test("an output that JSON refuses is INTERNAL, and reported", async () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  for (
    const value of [10n, loop, {
      toJSON: () => {
        throw new Error("no");
      },
    }]
  ) {
    const { srv, errors } = serverOf(z.any(), () => value);
    const peer = await connect(srv);
    expect((await peer.call("req", 1, "ask", {}))[2]).toBe("INTERNAL");
    expect(errors.length).toBe(1);
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  }
});

test("an asynchronous output schema is awaited, one that throws is INTERNAL", async () => {
  const slow = z.string().refine(async () => await Promise.resolve(true));
  const { srv } = serverOf(slow, () => "late");
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "ask", {})).toEqual(["res", 1, "late"]);
  const throwing = z.string().transform(() => {
    throw new Error("schema");
  });
  const other = serverOf(throwing, () => "x");
  const second = await connect(other.srv);
  expect((await second.call("req", 1, "ask", {}))[2]).toBe("INTERNAL");
  expect(String(other.errors[0])).toContain("schema");
});

test("a handler may return any thenable", async () => {
  const thenable = {
    then: (ok: (value: string) => void) => void setTimeout(ok, 1, "query"),
  };
  const { srv } = serverOf(z.string(), () => thenable);
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "ask", {})).toEqual(["res", 1, "query"]);
});

test("a thenable that misbehaves fails its own call only", async () => {
  const bad = [
    {
      then: () => {
        throw new Error("in then");
      },
    },
    {
      get then() {
        throw new Error("in the getter");
      },
    },
    {
      then: (ok: (value: string) => void, no: (error: Error) => void) => {
        ok("once");
        ok("twice");
        no(new Error("and no"));
      },
    },
  ];
  const { srv, errors } = serverOf(z.string(), () => bad.shift() ?? "end");
  const peer = await connect(srv);
  expect((await peer.call("req", 1, "ask", {}))[2]).toBe("INTERNAL");
  expect((await peer.call("req", 2, "ask", {}))[2]).toBe("INTERNAL");
  expect(await peer.call("req", 3, "ask", {})).toEqual(["res", 3, "once"]);
  expect(await peer.call("req", 4, "ask", {})).toEqual(["res", 4, "end"]);
  expect(errors.length).toBe(2);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("emit sends the schema's output to one connection, and refuses at once", async () => {
  const { srv } = createTestServer();
  const peer = await connect(srv);
  const other = await connect(srv);
  const [conn] = srv.local.connections;
  if (!conn) throw new Error("nobody came");
  conn.emit("stamped", { n: 1, stray: 1 } as never);
  expect(() => conn.emit("message", { n: "1" } as never)).toThrow(TypeError);
  expect(() => conn.emit("order" as never, { prompt: "" } as never)).toThrow(
    TypeError,
  );
  expect(() => conn.emit("presence" as never, { count: 1 } as never)).toThrow(
    TypeError,
  );
  expect(() => conn.emit("constructor" as never, {} as never)).toThrow(
    TypeError,
  );
  await settled();
  expect(peer.of("evt")).toEqual([["evt", "stamped", { n: 1, tag: "none" }]]);
  expect(other.of("evt")).toEqual([]);
  peer.leave();
  conn.emit("message", { n: 2 });
  await settled();
  expect(peer.of("evt").length).toBe(1);
});

test("an asynchronous schema of an event is a TypeError that names it", async () => {
  const later = z.object({ n: z.number() }).refine(() => Promise.resolve(true));
  const contract = defineContract({
    shared: { serverToClient: { late: { payload: later } } },
    roles: { user: {} },
    serverToServer: { late: later },
  });
  const srv = createSocketServer(contract, {
    authenticate: () => ({ role: "user" as const }),
  }).implement({});
  await connect(srv);
  const error = thrown(() => srv.local.connections[0]?.emit("late", { n: 1 }));
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain("shared.late");
  expect(String(error)).toContain("asynchronous");
  expect(() => srv.room("a").broadcast("late", { n: 1 })).toThrow(TypeError);
  expect(() => srv.emitServer("late", { n: 1 })).toThrow(TypeError);
});

test("a binary message under JSON is VALIDATION, and no handler sees bytes", async () => {
  let handled = 0;
  const { srv } = serverOf(z.any(), () => ++handled);
  const peer = await connect(srv);
  const head = new TextEncoder().encode('["req",1,"ask"]');
  const bytes = Uint8Array.from(
    [0, 0, 0, head.length, ...head, 0, 0, 0, 3, 1, 2, 3],
  );
  peer.events?.message(bytes);
  expect((await peer.answer(1))[2]).toBe("VALIDATION");
  expect(handled).toBe(0);
});
