import { expect, spyOn, test } from "bun:test";
import { SocketError } from "../../mod.ts";
import {
  createTestServer,
  leftOver,
  type TestOptions,
} from "../helpers/api.ts";
import { connect, type PeerOptions, upgradeRequest } from "../helpers/peer.ts";
import { settled, until, within } from "../helpers/wait.ts";

async function endOf(options: TestOptions, peer?: PeerOptions) {
  const made = createTestServer(options);
  const refused = await connect(made.srv, peer);
  await until(() => refused.end, "a refusal");
  expect(refused.messages).toEqual([]);
  expect(leftOver(made.srv)).toEqual({});
  return { ...made, ...refused.end };
}

for (
  const [code, close] of [
    ["UNAUTHORIZED", 4401],
    ["FORBIDDEN", 4403],
    ["MY_OWN", 4403],
    ["RATE_LIMITED", 1013],
    ["UNAVAILABLE", 1013],
  ] as const
) {
  for (const how of ["throws", "rejects with"]) {
    test(`authenticate that ${how} ${code} closes with ${close} and its message`, async () => {
      const error = new SocketError(code, "because");
      const end = await endOf({
        authenticate: () => {
          if (how === "throws") throw error;
          return Promise.reject(error);
        },
      });
      expect(end).toMatchObject({ code: close, reason: "because" });
      expect(end.errors).toEqual([]);
      expect(end.srv.stats().refused).toBe(1);
    });
  }
}

test("authenticate that throws anything else closes with 1011, tells nothing, and is reported", async () => {
  for (const failure of [new Error("password"), "password", null, undefined]) {
    const { code, reason, errors } = await endOf({
      authenticate: () => {
        throw failure;
      },
    });
    expect(code).toBe(1011);
    expect(reason).not.toContain("password");
    expect(errors).toEqual([
      { error: failure, info: { source: "hook", name: "authenticate" } },
    ]);
  }
});

test("a role that the contract has not is refused and reported, prototype names included", async () => {
  const roles = [
    "admin",
    "constructor",
    "__proto__",
    "toString",
    "shared",
    "",
    undefined,
  ];
  for (const role of roles) {
    const { code, errors } = await endOf({
      authenticate: () => ({ role, ctx: { name: "" } }) as never,
    });
    expect(code).toBe(1011);
    expect(String(errors[0]?.error)).toContain("must be one of");
  }
  for (const result of [undefined, null, 5]) {
    expect((await endOf({ authenticate: () => result as never })).code).toBe(
      1011,
    );
  }
});

test("data that its schema refuses is refused and reported with the issues", async () => {
  const { code, errors } = await endOf({
    authenticate: () =>
      ({ role: "user", ctx: { name: "" }, data: { name: 5 } }) as never,
  });
  expect(code).toBe(1011);
  expect((errors[0]?.error as Error).cause).toMatchObject({
    issues: [{ path: ["name"] }],
  });
});

test("a reason is cut to what a close frame carries, whole characters", async () => {
  const { reason = "" } = await endOf({
    authenticate: () => {
      throw new SocketError("FORBIDDEN", "😀".repeat(100));
    },
  });
  expect(reason).toBe("😀".repeat(30));
});

test("authenticate is given request, token, signal and what the runtime knows", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authenticate: (request, info) => {
      seen.push(new URL(request.url).search, info);
      return { role: "agent", ctx: { name: "" } };
    },
  });
  const peer = await connect(srv, {
    token: "t",
    extras: { remoteAddress: "10.0.0.1", identity: { id: 1 } },
  });
  await until(() => peer.of("hi").length === 1);
  expect(seen).toEqual(["?role=user&name=ada", {
    token: "t",
    remoteAddress: "10.0.0.1",
    identity: { id: 1 },
    signal: expect.any(AbortSignal),
  }]);
  expect(peer.of("hi")[0]?.[1]).toMatchObject({ role: "agent" });
});

test("without a token there is none, and one that is no base64 is none either", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    authenticate: (_request, info) => {
      seen.push("token" in info);
      return { role: "agent", ctx: { name: "" } };
    },
  });
  await connect(srv);
  await connect(srv, {
    headers: { "sec-websocket-protocol": "superline.v1, superline.token.!" },
  });
  expect(seen).toEqual([false, false]);
});

test("authenticate that takes longer than authTimeoutMs: 1013, and its signal aborts", async () => {
  let reason: unknown;
  const { code } = await endOf({
    authTimeoutMs: 20,
    authenticate: (_request, { signal }) =>
      new Promise(() =>
        signal.addEventListener("abort", () => reason = signal.reason)
      ),
  });
  expect(code).toBe(1013);
  expect(reason).toMatchObject({ code: "TIMEOUT" });
});

test("authenticate that answers after the deadline lets nobody in", async () => {
  let answer: (result: never) => void = () => {};
  const { srv } = await endOf({
    authTimeoutMs: 20,
    authenticate: () => new Promise((resolve) => answer = resolve),
  });
  answer({ role: "agent", ctx: { name: "" } } as never);
  await settled();
  expect(srv.stats().connections).toBe(0);
});

test("the peer going away while authenticate waits aborts its signal", async () => {
  const gone = new AbortController();
  let reason: unknown;
  const { srv, errors } = createTestServer({
    authenticate: (_request, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(new Error("late"));
        })
      ),
  });
  const handshake = srv.handshake(upgradeRequest(), {
    signal: gone.signal,
  });
  await settled();
  expect(srv.stats().sizes["handshakes"]).toBe(1);
  gone.abort();
  await within(handshake);
  expect(reason).toMatchObject({ code: "DISCONNECTED" });
  expect(leftOver(srv)).toEqual({});
  expect(errors).toEqual([]);
});

test("a peer that is gone before authenticate is called leaves nothing", async () => {
  const { srv } = createTestServer({
    authenticate: () => Promise.reject(new Error("late")),
  });
  const signal = AbortSignal.abort();
  await within(srv.handshake(upgradeRequest(), { signal }));
  await settled();
  expect(leftOver(srv)).toEqual({});
});

test("an upgrade that comes to nothing leaves nothing", async () => {
  const { srv } = createTestServer();
  const handshake = await srv.handshake(upgradeRequest());
  if (handshake.kind !== "upgrade") throw new Error("it was not let in");
  expect(leftOver(srv)).toEqual({ opening: 1 }); // its slot is free: nobody else waits for it
  handshake.abandon();
  handshake.abandon();
  expect(leftOver(srv)).toEqual({});
});

test("more handshakes than maxPendingHandshakes are closed with 1013, and none is held up after", async () => {
  let go: (result: never) => void = () => {};
  const { srv } = createTestServer({
    limits: { maxPendingHandshakes: 1 },
    authenticate: () => new Promise((resolve) => go = resolve),
  });
  const first = connect(srv);
  await settled();
  const second = await connect(srv);
  expect(second.end?.code).toBe(1013);
  go({ role: "agent", ctx: { name: "" } } as never);
  expect((await within(first)).end).toBeUndefined();
  const third = connect(srv);
  go({ role: "agent", ctx: { name: "" } } as never);
  expect((await within(third)).end).toBeUndefined();
});

test("origins: the same host and port, also when the port is the scheme's own; null never", async () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    const cases: [string, string, boolean][] = [
      ["http://app.test", "app.test", true],
      ["https://app.test", "app.test", true],
      ["http://app.test:80", "app.test", true],
      ["https://app.test", "app.test:443", true],
      ["http://APP.test", "app.TEST", true],
      ["http://app.test:8080", "app.test:8080", true],
      ["http://app.test:8080", "app.test", false],
      ["http://app.test", "app.test:8080", false],
      ["http://app.test.evil", "app.test", false],
      ["http://evil.test", "app.test", false],
      ["http://app.test@evil.test", "app.test", false],
      ["null", "app.test", false],
      ["", "app.test", false],
      ["nonsense", "app.test", false],
      ["file://", "app.test", false],
    ];
    const { srv } = createTestServer();
    for (const [origin, host, allowed] of cases) {
      const peer = await connect(srv, { headers: { origin, host } });
      expect([origin, host, peer.end?.code]).toEqual(
        [origin, host, allowed ? undefined : 4403],
      );
    }
    expect(String(warn.mock.calls[0])).toContain("origins");
  } finally {
    warn.mockRestore();
  }
});

test("origins: a list, a function, any; a throwing function is 1011 and reported", async () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    const ends = async (
      origins: NonNullable<TestOptions["origins"]>,
      origin: string,
    ) => {
      const made = createTestServer({ origins });
      const peer = await connect(made.srv, { headers: { origin } });
      return [peer.end?.code, made.errors.length];
    };
    const list = ["https://a.test", "https://b.test"];
    expect(await ends(list, "https://b.test")).toEqual([undefined, 0]);
    expect(await ends(list, "https://app.test")).toEqual([4403, 0]);
    expect(await ends(list, "null")).toEqual([4403, 0]);
    expect(await ends([], "http://app.test")).toEqual([4403, 0]);
    expect(await ends("*", "null")).toEqual([undefined, 0]);
    expect(await ends((o) => o === "x://y", "x://y")).toEqual([undefined, 0]);
    expect(await ends((o) => o === "x://y", "x://z")).toEqual([4403, 0]);
    expect(await ends((() => 1) as never, "x://z")).toEqual([4403, 0]);
    const failing = () => {
      throw new Error("list is away");
    };
    expect(await ends(failing, "x://z")).toEqual([1011, 1]);
  } finally {
    warn.mockRestore();
  }
});

test("a client that sends no Origin is no browser, and passes", async () => {
  const peer = await connect(createTestServer({ origins: [] }).srv);
  expect(peer.end).toBeUndefined();
});
