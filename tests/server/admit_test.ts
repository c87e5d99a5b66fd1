import { expect, spyOn, test } from "bun:test";
import {
  createTestServer,
  leftOver,
  type TestOptions,
} from "../helpers/api.ts";
import { connect, upgradeRequest } from "../helpers/peer.ts";
import { settled, thrown } from "../helpers/wait.ts";

async function statusOf(
  options: TestOptions,
  headers: Record<string, string> = {},
) {
  const made = createTestServer(options);
  const answer = await made.srv.handshake(upgradeRequest({ headers }), {
    remoteAddress: "192.0.2.7",
  });
  const status = answer.kind === "respond" ? answer.response.status : 101;
  return { ...made, status, stats: made.srv.stats() };
}

test("admit sees the request and the address, and lets on with true only", async () => {
  const seen: unknown[] = [];
  const { status } = await statusOf({
    admit: ({ request, remoteAddress }) => {
      seen.push(remoteAddress, request.headers.get("host"));
      return true;
    },
  });
  expect(status).toBe(101);
  expect(seen).toEqual(["192.0.2.7", "app.test"]);
  for (const verdict of [false, undefined, 1, "yes"]) {
    const { status, stats, errors } = await statusOf({
      admit: () => verdict as never,
    });
    expect(status).toBe(429);
    expect(stats.refusals.admit).toBe(1);
    expect(errors).toEqual([]);
  }
});

test("admit comes before origins, the limits and authenticate, and what it refuses costs none of them", async () => {
  const asked: string[] = [];
  const { srv, status } = await statusOf({
    limits: { handshakesPerSecond: 1 },
    origins: () => {
      asked.push("origins");
      return true;
    },
    authenticate: () => {
      asked.push("authenticate");
      return { role: "agent", ctx: { name: "" } };
    },
    admit: ({ request }) => !request.headers.has("x-flood"),
  }, { "x-flood": "1", origin: "https://a.test" });
  expect(status).toBe(429);
  for (let n = 0; n < 100; n++) {
    await srv.handshake(upgradeRequest({ headers: { "x-flood": "1" } }));
  }
  expect(asked).toEqual([]);
  expect((await connect(srv)).end).toBeUndefined();
  expect(srv.stats().refusals.handshakesPerSecond).toBe(0);
});

test("admit that throws, rejects or answers later refuses, and is reported", async () => {
  const failing: TestOptions["admit"][] = [
    () => {
      throw new Error("the table is away");
    },
    (() => Promise.resolve(true)) as never,
    (() => Promise.reject(new Error("late"))) as never,
  ];
  for (const admit of failing) {
    const { srv, status, errors } = await statusOf({ admit: admit as never });
    await settled();
    expect(status).toBe(429);
    expect(errors.map(({ info }) => info)).toEqual(
      [{ source: "hook", name: "admit" }],
    );
    expect(leftOver(srv)).toEqual({});
  }
});

test("a login that has ended already is closed with 4410 before it is let in", async () => {
  let connected = 0;
  const { srv } = createTestServer({
    authenticate: () => ({
      role: "agent",
      ctx: { name: "" },
      expiresAt: Date.now() - 1,
    }),
    onConnection: () => void connected++,
  });
  const peer = await connect(srv);
  expect(peer.end).toEqual({ code: 4410, reason: "the login has expired" });
  expect(peer.messages).toEqual([]);
  expect(connected).toBe(0);
  expect(srv.stats().refusals.expired).toBe(1);
  expect(leftOver(srv)).toEqual({});
});

test("a Host that is none is answered with 400, and turns no path into another", async () => {
  const { srv } = createTestServer({ path: "/" });
  for (const host of ["x/ws?", "a b", "a@b", "a#b", "a\\b", "a?b"]) {
    const answer = await srv.handshake(upgradeRequest({ headers: { host } }));
    expect([host, answer.kind === "respond" && answer.response.status])
      .toEqual([host, 400]);
  }
  for (const host of ["app.test:80", "[::1]:8080", "xn--bcher-kva.test"]) {
    const answer = await srv.handshake(upgradeRequest({ headers: { host } }));
    expect([host, answer.kind]).toEqual([host, "upgrade"]);
  }
});

test("origins: names in front, other schemes, and http: where the connection is encrypted are other sites", async () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    const { srv } = createTestServer();
    const cases: [origin: string, forwarded: string, allowed: boolean][] = [
      ["http://user@app.test", "", false],
      ["http://user:word@app.test", "", false],
      ["ftp://app.test", "", false],
      ["ws://app.test", "", false],
      ["http://app.test/path", "", false],
      ["http://app.test?query", "", false],
      ["http://app.test", "", true],
      ["http://app.test", "http", true],
      ["https://app.test", "", true],
      ["https://app.test", "https", true],
      ["http://app.test", "https", false],
      ["http://app.test", "HTTPS, http", false],
    ];
    for (const [origin, forwarded, allowed] of cases) {
      const headers = {
        origin,
        ...(forwarded && { "x-forwarded-proto": forwarded }),
      };
      const { end } = await connect(srv, { headers });
      expect([origin, forwarded, end?.code]).toEqual(
        [origin, forwarded, allowed ? undefined : 4403],
      );
    }
    const encrypted = new Request(upgradeRequest({
      headers: { origin: "http://app.test" },
    }));
    const answer = await srv.handshake(
      new Request("https://app.test/", { headers: encrypted.headers }),
    );
    expect(answer).toMatchObject({ kind: "upgrade", refused: true });
  } finally {
    warn.mockRestore();
  }
});

test("origins: one string is one exact origin", async () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    const { srv, errors } = createTestServer({
      origins: "https://app.example.com",
    });
    const cases: [string, boolean][] = [
      ["https://app.example.com", true],
      ["https://app.example.co", false],
      ["https://app", false],
      ["https://app.example.com.evil.test", false],
      ["http://app.example.com", false],
    ];
    for (const [origin, allowed] of cases) {
      const { end } = await connect(srv, { headers: { origin } });
      expect([origin, end?.code]).toEqual(
        [origin, allowed ? undefined : 4403],
      );
    }
    expect(errors).toEqual([]);
  } finally {
    warn.mockRestore();
  }
});

test("origins: what no browser sends is refused when the server is created, with the fix", () => {
  const refused: [origins: unknown, words: string][] = [
    ["https://app.example/", '"https://app.example"'],
    ["https://app.example/path", '"https://app.example"'],
    ["https://APP.example", '"https://app.example"'],
    ["https://app.example:443", '"https://app.example"'],
    ["https://user@app.example", '"https://app.example"'],
    ["app.example", "must be an origin"],
    ["", "must be an origin"],
    ["null", "must be an origin"],
    [["https://a.example", "b.example"], '"b.example"'],
    [["*"], 'origins: "*"'],
    [[5], "must be an origin"],
    [5, "origins"],
    [{}, "origins"],
  ];
  for (const [origins, words] of refused) {
    const error = thrown(() => createTestServer({ origins } as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(words);
  }
  for (
    const origins of [
      "*",
      [],
      "https://app.example",
      ["http://localhost:5173", "capacitor://localhost"],
      () => true,
    ]
  ) createTestServer({ origins } as never);
});

test("the text pong counts against framesPerSecond as ping does, and both are counted", async () => {
  const { srv } = createTestServer({
    limits: { framesPerSecond: 1, frameBurst: 5, maxSubscriptions: 1 },
  });
  const peer = await connect(srv);
  for (let n = 0; n < 5; n++) peer.events?.message("pong");
  expect(peer.end).toBeUndefined();
  expect(srv.stats().heartbeats).toBe(5);
  for (let n = 0; n < 20; n++) peer.events?.message("pong");
  expect(peer.end?.code).toBe(1008);
  expect(srv.stats().limits.framesPerSecond).toBe(1);
  expect(leftOver(srv)).toEqual({});
});
