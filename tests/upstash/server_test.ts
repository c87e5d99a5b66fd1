import { afterAll, afterEach, expect, test } from "bun:test";
import { Redis } from "@upstash/redis";
import {
  createUpstashServer,
  type UpstashFault,
  upstashFaults,
} from "../../src/testing/upstash/mod.ts";
import { freePort } from "../redis/redis_server.ts";
import { rejection, until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";

const local = await LocalUpstash.start({ maxRequestBytes: 100_000 });
afterAll(() => local.end());
afterEach(() => local.server.trouble({}));

const BASE64 = { "upstash-encoding": "base64" };
const auth = { authorization: `Bearer ${local.server.token}` };

function sdk(options = {}) {
  const { url, token } = local.server;
  return new Redis({ url, token, retry: { retries: 0 }, ...options });
}

test("one command, a pipeline and a transaction answer as Upstash does", async () => {
  expect(await local.ask("/", ["SET", "a", "1"])).toMatchObject({
    status: 200,
    json: { result: "OK" },
  });
  expect(await local.ask("/", ["GET", "none"])).toMatchObject({
    status: 200,
    json: { result: null },
  });
  expect(await local.ask("/", ["LPUSH", "a", "1"])).toMatchObject({
    status: 400,
    json: { error: expect.stringMatching(/^WRONGTYPE /) },
  });
  const commands = [["INCR", "a"], ["LPUSH", "a", "x"], ["GET", "a"]];
  const each = [
    { result: 2 },
    { error: expect.stringMatching(/^WRONGTYPE /) },
    { result: "2" },
  ];
  expect(await local.ask("/pipeline", commands))
    .toMatchObject({ status: 200, json: each });
  await local.ask("/", ["SET", "a", "1"]);
  expect(await local.ask("/multi-exec", commands))
    .toMatchObject({ status: 200, json: each });
  const discarded = [["SET", "a", "new"], ["GET"]];
  expect(await local.ask("/multi-exec", discarded)).toMatchObject({
    status: 400,
    json: { error: expect.stringContaining("wrong number of arguments") },
  });
  expect(await sdk().get<number>("a")).toBe(2);
});

test("a command in the path takes the body as last argument, and the query after it", async () => {
  const { url } = local.server;
  const ask = async (path: string, init: RequestInit = {}) =>
    await (await fetch(url + path, { headers: auth, ...init })).json();
  expect(await ask("/set/p%2Fq/x%20y")).toEqual({ result: "OK" });
  expect(await ask("/get/p%2Fq")).toEqual({ result: "x y" });
  const body = new Uint8Array([0xc3, 0xbc, 0]);
  expect(await ask("/set/k?EX=100", { method: "POST", body }))
    .toEqual({ result: "OK" });
  expect(await ask("/ttl/k")).toEqual({ result: 100 });
  expect(await ask("/get/k")).toEqual({ result: "ü\0" });
  expect(await ask(`/get/k?_token=${local.server.token}`, { headers: {} }))
    .toEqual({ result: "ü\0" });
  const head = await fetch(`${url}/get/k`, { method: "HEAD", headers: auth });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("base64: all texts but OK at the top, and that in arrays too", async () => {
  await local.ask("/", ["SET", "b", "OK"]);
  const script = "return {redis.call('SET', 'b2', 'x'), 'ü', 1, false}";
  const ask = async (...command: string[]) =>
    (await local.ask("/", command, BASE64)).json;
  expect(await ask("SET", "b", "OK")).toEqual({ result: "OK" });
  expect(await ask("GET", "b")).toEqual({ result: "T0s=" });
  expect(await ask("PING")).toEqual({ result: "UE9ORw==" });
  expect(await ask("EVAL", script, "0")).toEqual({
    result: ["T0s=", "w7w=", 1, null],
  });
  expect(await ask("NONE")).toEqual({
    error: expect.stringMatching(/^ERR unknown command/),
  });
  expect(await sdk().eval(script, [], [])).toEqual(["OK", "ü", 1, null]);
  expect(await sdk().ping()).toBe("PONG");
});

test("what JSON cannot carry as text becomes U+FFFD, and large numbers stay whole", async () => {
  await local.redis.command("SET", "bytes", new Uint8Array([0xff, 0x61]));
  expect((await local.ask("/", ["GET", "bytes"])).json)
    .toEqual({ result: "\ufffda" });
  expect((await local.ask("/", ["GET", "bytes"], BASE64)).json)
    .toEqual({ result: "/2E=" });
  const body =
    '["RPUSH","n",1700000000000,1.0,-2,9007199254740993,true,"\\"3\\\\"]';
  expect((await local.ask("/", body)).status).toBe(200);
  expect((await local.ask("/", ["LRANGE", "n", "0", "-1"])).json).toEqual({
    result: [
      ...["1700000000000", "1.0", "-2", "9007199254740993", "true", '"3\\'],
    ],
  });
});

test("resp2 gives what Redis said", async () => {
  const format = { "upstash-response-format": "resp2" };
  const { url } = local.server;
  const ask = (path: string, body: unknown, headers = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { ...auth, ...format, ...headers },
      body: JSON.stringify(body),
    });
  const one = await ask("/", ["MGET", "none", "b"]);
  expect(one.headers.get("content-type")).toBe("application/octet-stream");
  expect(await one.text()).toBe("*2\r\n$-1\r\n$2\r\nOK\r\n");
  const two = await ask("/pipeline", [["PING"], ["GET"]]);
  expect(await two.text()).toMatch(/^\*2\r\n\+PONG\r\n-ERR wrong number/);
  expect((await ask("/multi-exec", [["PING"]])).status).toBe(400);
  expect((await ask("/", ["PING"], BASE64)).status).toBe(400);
  const other = { "upstash-response-format": "xml" };
  expect((await ask("/", ["PING"], other)).status).toBe(400);
});

test("commands that are not for REST are refused", async () => {
  const refused = [
    ["BLPOP", "a", "0"],
    ["blpop", "a", "0"],
    ["MULTI"],
    ["WATCH", "a"],
    ["SUBSCRIBE", "a"],
    ["MONITOR"],
    ["CLIENT", "LIST"],
    ["SELECT", "1"],
    ["XREAD", "BLOCK", "0", "STREAMS", "a", "$"],
    ["SHUTDOWN"],
  ];
  for (const command of refused) {
    const name = String(command[0]).toUpperCase();
    expect(await local.ask("/", command)).toMatchObject({
      status: 400,
      json: { error: `ERR Command is not allowed in REST: "${name}"` },
    });
  }
  expect((await local.ask("/pipeline", [["PING"], ["MULTI"], ["PING"]])).json)
    .toEqual([
      { result: "PONG" },
      { error: 'ERR Command is not allowed in REST: "MULTI"' },
      { result: "PONG" },
    ]);
  expect((await local.ask("/multi-exec", [["PING"], ["MULTI"]])).status)
    .toBe(400);
  const key = ["XREAD", "STREAMS", "block", "0-0"];
  expect((await local.ask("/", key)).status).toBe(200);
  expect((await local.ask("/", ["SELECT", "0"])).status).toBe(200);
});

test("bad requests have clear errors", async () => {
  const { url } = local.server;
  const error = async (path: string, body: string) =>
    (await local.ask(path, body)).json;
  expect(await error("/", "hello")).toEqual({
    error: "ERR failed to parse the body: it is no JSON",
  });
  for (const body of ["{}", "[]", '[{"a":1}]', "[null]", '["GET",["a"]]']) {
    expect((await local.ask("/", body)).status).toBe(400);
  }
  for (const body of ["[]", "{}", '["PING"]', '[["PING"],1]']) {
    expect((await local.ask("/pipeline", body)).status).toBe(400);
  }
  expect(await error("/%ff", "")).toEqual({
    error: "ERR the path is not percent-encoded right",
  });
  const none = await fetch(url, { headers: auth });
  expect(await none.json()).toEqual({
    error: expect.stringContaining("ERR no command: POST a JSON array"),
  });
  const removed = await fetch(url, { method: "DELETE", headers: auth });
  expect(removed.status).toBe(405);
  for (const authorization of ["", "Bearer wrong", "Basic local"]) {
    const wrong = await fetch(url, { headers: { authorization } });
    expect([wrong.status, await wrong.json()]).toEqual([
      401,
      { error: "WRONGPASS invalid or missing auth token" },
    ]);
  }
});

test("the read-only token reads, and nothing else", async () => {
  const headers = { authorization: `Bearer ${local.server.readOnlyToken}` };
  const status = async (...command: string[]) =>
    (await local.ask("/", command, headers)).status;
  for (
    const command of [["GET", "b"], ["PING"], ["XREVRANGE", "s", "+", "-"]]
  ) expect(await status(...command)).toBe(200);
  for (
    const command of [
      ...[["SET", "b", "1"], ["EVAL", "return 1", "0"], ["KEYS", "*"]],
      ...[["PUBLISH", "a", "x"], ["SCAN", "0"], ["CONFIG", "GET", "save"]],
    ]
  ) expect(await status(...command)).toBe(400);
  expect((await local.ask("/", ["EVALSHA", "x", "0"], headers)).json).toEqual({
    error:
      "NOPERM this user has no permissions to run the 'evalsha' command or its subcommand",
  });
});

test("requests and replies have the same limit", async () => {
  const large = "x".repeat(60_000);
  expect((await local.ask("/", ["SET", "l1", large])).status).toBe(200);
  const text =
    /^ERR max request size exceeded\. Limit: 100000 bytes, Actual: \d+ bytes\./;
  for (
    const [path, body] of [
      ["/", ["SET", "l2", large + large]],
      ["/", ["MGET", "l1", "l1"]],
      ["/pipeline", [["GET", "l1"], ["GET", "l1"]]],
    ] as const
  ) {
    expect(await local.ask(path, body)).toMatchObject({
      status: 400,
      json: { error: expect.stringMatching(text) },
    });
  }
});

test("each fault fails as it says, and the commands were run or not", async () => {
  const client = sdk({ signal: () => AbortSignal.timeout(300) });
  const seen: Partial<Record<UpstashFault, string>> = {};
  let count = 0;
  await client.set("faults", 0);
  for (const fault of upstashFaults) {
    local.server.trouble({ rate: 1, kinds: [fault] });
    const outcome = await client.incr("faults").then(
      (result) => `gives ${JSON.stringify(result)}`,
      (error) => error.name,
    );
    local.server.trouble({});
    if (fault.endsWith("after")) count++;
    expect([fault, await client.get<number>("faults")]).toEqual([fault, count]);
    seen[fault] = outcome;
  }
  expect(seen).toMatchObject({
    "hang-before": "TimeoutError",
    "hang-after": "TimeoutError",
    "429": "UpstashError",
    "503": "UpstashError",
    "502-html": "UpstashJSONParseError",
    "200-html": "UpstashJSONParseError",
    "200-empty": "UpstashJSONParseError",
  });
  local.server.trouble({ rate: 0.5, kinds: ["503"] });
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => local.ask("/", ["PING"])),
  );
  const failed = answers.filter(({ status }) => status === 503).length;
  expect(failed).toBeGreaterThan(5);
  expect(failed).toBeLessThan(55);
});

test("it goes away and comes back on the same port; so may its Redis", async () => {
  const client = sdk();
  await client.set("a", 1);
  await local.server.pause();
  await rejection(client.get("a"));
  await local.server.resume();
  expect(await client.get<number>("a")).toBe(1);
  await local.redis.kill();
  expect(await local.ask("/", ["GET", "a"])).toMatchObject({
    status: 503,
    json: {
      error: expect.stringContaining(
        `cannot reach Redis at 127.0.0.1:${local.redis.port}`,
      ),
    },
  });
  await local.redis.begin();
  expect(await client.get<number>("a")).toBe(null);
});

test("requests, commands and what scripts call are counted", async () => {
  const { ask } = local;
  const cost = (...args: Parameters<typeof ask>) =>
    local.cost(() => local.ask(...args));
  const one = (commands: number) => ({ requests: 1, commands });
  expect(await cost("/", ["PING"])).toEqual(one(1));
  const many = [["PING"], ["GET", "a"], [
    "XREAD",
    "STREAMS",
    "a",
    "b",
    "0",
    "0",
  ]];
  expect(await cost("/pipeline", many)).toEqual(one(3));
  expect(await cost("/multi-exec", many)).toEqual(one(3));
  expect(await cost("/", ["MULTI"])).toEqual(one(0));
  const script = "for i = 1, 4 do redis.call('GET', 'a') end return 1";
  expect(await cost("/", ["EVAL", script, "0"])).toEqual(one(5));
  expect(await cost("/multi-exec", [["PING"], ["EVAL", script, "0"]]))
    .toEqual(one(6));
  expect(await cost("/", ["EVAL", "return redis.call('NONE')", "0"]))
    .toEqual(one(1));
  expect(await cost("/", ["EVAL"])).toEqual(one(1));
  const before = local.server.counters.byCommand["get"] ?? 0;
  await local.ask("/", ["EVAL", script, "0"]);
  expect(local.server.counters.byCommand["get"]).toBe(before + 4);
});

test("a flag of Upstash's own is taken off scripts", async () => {
  for (const flags of ["allow-key-locking", "no-writes,allow-key-locking"]) {
    const script = `#!lua flags=${flags}\nreturn 'ok'`;
    expect((await local.ask("/", ["EVAL", script, "0"])).json)
      .toEqual({ result: "ok" });
  }
});

test("event streams tell what is published, and can be cut", async () => {
  const { url } = local.server;
  const open = async (path: string) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { ...auth, accept: "text/event-stream" },
      body: "[]",
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const heard = { text: "", ended: "" };
    (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        heard.text += decoder.decode(chunk);
      }
      heard.ended = "clean";
    })().catch(() => heard.ended = "reset");
    return heard;
  };
  const ab = await open("/subscribe/a%2F/b");
  const pattern = await open("/psubscribe/a*");
  const monitor = await open("/monitor");
  await until(() => local.server.streams === 3);
  await until(() => /subscribe,b,2/.test(ab.text));
  expect((await local.ask("/publish/b/x", "")).json).toEqual({ result: 1 });
  await local.ask("/", ["PUBLISH", "a/", "1,2"]);
  await until(() => ab.text.includes("data: message,a/,1,2\n\n"));
  await until(() => pattern.text.includes("data: pmessage,a*,a/,1,2\n\n"));
  await until(() => monitor.text.includes('"publish" "b" "x"'));
  expect(ab.text).toStartWith("data: subscribe,a/,1\n\n");
  expect(ab.text).toContain("data: message,b,x\n\n");
  expect(monitor.text).toStartWith('data: "OK"\n\n');
  local.server.cut("end");
  await until(() => ab.ended === "clean" && local.server.streams === 0);
  const again = await open("/subscribe/a");
  await until(() => again.text !== "");
  local.server.cut("reset");
  await until(() => again.ended === "reset");
});

test(
  "reads come from a replica that is behind, unless a sync token asks for more",
  async () => {
    const behind = await LocalUpstash.start({ behindMs: 300 });
    try {
      const { url, token } = behind.server;
      const stale = new Redis({ url, token, readYourWrites: false });
      await stale.set("a", 1);
      expect(await stale.get("a")).toBe(null);
      while (await stale.get<number>("a") !== 1) await Bun.sleep(20);
      const fresh = new Redis({ url, token });
      await fresh.set("a", 2);
      expect(await fresh.get<number>("a")).toBe(2);
      const { headers } = await behind.ask("/", ["SET", "a", "3"]);
      expect(Number(headers.get("upstash-sync-token"))).toBeGreaterThan(0);
      expect(await stale.eval("return redis.call('GET', 'a')", [], []))
        .toBe(3);
    } finally {
      await behind.end();
    }
  },
  30_000,
);

test("options that are wrong and a Redis that is not there are told", async () => {
  const port = await freePort();
  await expect(createUpstashServer({ redis: "localhost:6379" }))
    .rejects.toThrow("must be URLs that start with redis://");
  await expect(createUpstashServer({ redis: `redis://127.0.0.1:${port}` }))
    .rejects.toThrow(`cannot reach Redis at 127.0.0.1:${port}`);
  const secret = `redis://:secret@127.0.0.1:${local.redis.port}`;
  const error = await rejection(createUpstashServer({ redis: secret }));
  expect(String(error)).toContain("AUTH");
  expect(String(error)).not.toContain("secret@");
});
