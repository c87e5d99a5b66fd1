import { afterAll, afterEach, expect, test } from "bun:test";
import { Redis } from "@upstash/redis";
import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import { shardKey, shardOf } from "../../adapters/shared/streams.ts";
import { rejection, thrown, until } from "../helpers/wait.ts";
import { freePort } from "../redis/redis_server.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { count, endAll, endings, open } from "./open.ts";

const local = await LocalUpstash.start();
afterAll(() => local.end());
afterEach(async () => {
  local.server.trouble({});
  await endAll();
});

/** Long enough for what is noticed in a second. */
const NOTICED_MS = 15_000;

type Opened = ReturnType<typeof open>;

const turns = ({ host }: Opened, state: "up" | "down") =>
  until(() => host.state === state, `status ${state}`, NOTICED_MS);

/** All errors that came out somewhere, with their causes, as text. */
function texts({ host, causes }: Opened, ...more: unknown[]): string {
  const all: string[] = [];
  for (let error of [...host.errors, ...causes, ...more]) {
    for (; error; error = (error as Error).cause) {
      all.push(String(error), JSON.stringify(error));
    }
  }
  return all.join("\n");
}

test("options that are wrong throw, and a token is not told", () => {
  const url = "https://a.upstash.io";
  const token = "secret";
  for (
    const options of [
      {},
      { url },
      { token },
      { url: "a.upstash.io", token },
      { url: "redis://a.upstash.io", token },
      { url, token: "" },
      { url, token, minIntervalMs: 0 },
      { url, token, maxIntervalMs: 50 },
      { url, token, maxIntervalMs: Infinity },
      { url, token, factor: 1 },
      { url, token, timeoutMs: 1 },
      { url, token, maxPendingLength: -1 },
      { url, token, namespace: "" },
      { url, token, wake: "ws" },
      { client: new Redis({ url, token }), wake: "sse" },
    ] as UpstashAdapterOptions[]
  ) {
    const error = thrown(() => createUpstashAdapter(options));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toMatch(/^TypeError: Cannot create the Upstash/);
    expect(String(error)).not.toContain(token);
  }
});

test("a URL where nobody answers: told, and tried again", async () => {
  const port = await freePort();
  const node = open(local, "url", { url: `http://127.0.0.1:${port}` });
  expect(await rejection(node.adapter.subscribe("c")))
    .toMatchObject({ code: "UNAVAILABLE" });
  await turns(node, "down");
  const late = Bun.serve({
    port,
    hostname: "127.0.0.1",
    fetch: async (request) =>
      fetch(local.server.url + new URL(request.url).pathname, {
        method: request.method,
        headers: request.headers,
        body: await request.text(),
      }),
  });
  endings.push(() => late.stop(true));
  await turns(node, "up");
  await node.adapter.subscribe("c");
});

test("a wrong token: told once, asked seldom, and up when it is right", async () => {
  const client = new Redis({ url: local.server.url, token: "wrong" });
  const node = open(local, "token", { client });
  const error = await rejection(node.adapter.subscribe("c"));
  expect(error).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(error)).toContain("WRONGPASS");
  node.adapter.publish("c", "hush");
  await until(() => node.host.droppedCount === 1);
  await turns(node, "down");
  expect(String(node.causes[0])).toContain("WRONGPASS");
  const { requests } = await local.cost(() => Bun.sleep(1_500));
  expect(requests).toBeLessThan(5); // 600 ms and more apart
  expect(node.host.errors.length).toBe(1); // the publish
  expect(texts(node, error)).not.toContain("hush");
  const right = open(local, "token");
  await right.adapter.subscribe("c");
});

test("a read-only token hears, and what it publishes is counted and told once", async () => {
  const writer = open(local, "read-only");
  const reader = open(local, "read-only", {
    token: local.server.readOnlyToken,
  });
  await reader.adapter.subscribe("c");
  for (const number of count(5)) reader.adapter.publish("c", number);
  writer.adapter.publish("c", "x");
  await until(() => reader.host.received("c").length === 1);
  await until(() => reader.host.droppedCount === 5);
  expect(texts(reader)).toContain("NOPERM");
  expect([reader.host.errors.length, reader.host.statuses]).toEqual([1, []]);
});

for (
  const quota of [
    "ERR max daily request limit exceeded. Limit: 10000, Usage: 10001. See https://upstash.com/docs",
    "ERR max requests limit exceeded.",
  ]
) {
  test(`a quota: ${quota.slice(0, 30)}`, async () => {
    let over = false;
    let asked = 0;
    const { url, token } = local.server;
    const proxy = Bun.serve({
      port: 0,
      fetch: async (request) => {
        asked++;
        if (over) return Response.json({ error: quota }, { status: 400 });
        const { pathname } = new URL(request.url);
        return fetch(url + pathname, {
          method: "POST",
          headers: request.headers,
          body: await request.text(),
        });
      },
    });
    endings.push(() => proxy.stop(true));
    const limited = { url: `http://127.0.0.1:${proxy.port}`, token };
    for (
      const where of [
        quota.includes("daily") ? limited : { client: new Redis(limited) },
      ]
    ) {
      over = false;
      const node = open(local, `quota-${asked}`, where);
      await node.adapter.subscribe("c");
      over = true;
      node.adapter.publish("c", "hush");
      await turns(node, "down");
      await until(() => node.host.droppedCount === 1);
      expect(texts(node)).toContain("limit exceeded");
      expect(texts(node)).not.toContain("hush");
      asked = 0;
      await Bun.sleep(1_200);
      expect(asked).toBeLessThan(4);
      over = false;
      await turns(node, "up");
    }
  }, 30_000);
}

for (
  const kind of ["200-html", "502-html", "200-empty", "200-shape"] as const
) {
  test(`${kind} in place of an answer ends nothing`, async () => {
    const { url, token } = local.server;
    const nodes = [
      open(local, kind),
      open(local, kind, { client: new Redis({ url, token }) }),
    ];
    for (const { adapter } of nodes) await adapter.subscribe("c");
    local.server.trouble({ rate: 1, kinds: [kind] });
    for (const { adapter } of nodes) adapter.publish("c", "hush");
    await Promise.all(nodes.map((node) => turns(node, "down")));
    for (const node of nodes) {
      expect(texts(node)).toMatch(/JSON|shape|not a function|result/);
      expect(texts(node)).not.toMatch(/hush|doctype/);
    }
    local.server.trouble({});
    await Promise.all(nodes.map((node) => turns(node, "up")));
    const [a, b] = nodes as [Opened, Opened];
    a.adapter.publish("c", "a");
    b.adapter.publish("c", "b");
    await until(() => a.host.received("c").at(-1) === "b");
    await until(() => b.host.received("c").at(-1) === "a");
  }, 40_000);
}

test("a client whose signal is aborted gives garbage, which is not taken for entries", async () => {
  const { url, token } = local.server;
  const ending = new AbortController();
  const client = new Redis({ url, token, signal: ending.signal });
  const node = open(local, "aborted", { client });
  await node.adapter.subscribe("c");
  ending.abort("stop");
  await turns(node, "down");
  expect(node.host.count).toBe(0);
});

test("a client that never answers is given up", async () => {
  const never = () => new Promise<never>(() => {});
  const silent = { xread: never, eval: never, pipeline: never };
  const node = open(local, "silent", {
    client: silent as unknown as NonNullable<UpstashAdapterOptions["client"]>,
    timeoutMs: 100,
  });
  const error = await rejection(node.adapter.subscribe("c"));
  expect(String(error)).toContain("did not answer within 100 ms");
  node.adapter.publish("c", "x");
  await until(() => node.host.droppedCount === 1);
  await turns(node, "down");
});

test("a deleted stream: the next message comes", async () => {
  const [from, to] = [open(local, "deleted"), open(local, "deleted")];
  await to.adapter.subscribe("c");
  from.adapter.publish("c", "1");
  await until(() => to.host.count === 1);
  await local.redis.command("DEL", shardKey("deleted", shardOf("c")));
  from.adapter.publish("c", "2");
  await until(() => to.host.count === 2);
  expect([to.host.received("c"), to.gaps]).toEqual([["1", "2"], []]);
});

test(
  "ids that went back: told, and heard again after an own publish, a subscribe or an outage",
  async () => {
    const key = shardKey("back", shardOf("c"));
    const same =
      "c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15 c16 c17 c18"
        .split(" ").filter((it) => shardOf(it) === shardOf("c"));
    const remake = async (id: number) => {
      await local.redis.command("DEL", key);
      await local.redis.command("XADD", key, `${id}-5`, "a", "b");
    };
    const [from, to] = [open(local, "back"), open(local, "back")];
    await to.adapter.subscribe("c");
    await from.adapter.subscribe("c");
    from.adapter.publish("c", "0");
    await until(() => to.host.count === 1);
    const far = Date.now() + 1_000_000; // so that * goes on from there, and not from the clock
    const restart = async (round: number) => {
      await remake(far - 1_000 * round);
      await Bun.sleep(100); // a read or two that see nothing
    };
    await remake(far);
    from.adapter.publish("c", "1");
    await until(() => to.host.count === 2);

    await restart(1);
    to.adapter.publish("c", "own");
    await until(() => to.gaps.length === 1);
    from.adapter.publish("c", "2");
    await until(() => to.host.received("c").at(-1) === "2");

    await restart(2);
    await to.adapter.subscribe(same[0] ?? "");
    from.adapter.publish("c", "3");
    await until(() => to.host.received("c").at(-1) === "3");

    await restart(3);
    await local.server.pause();
    await turns(to, "down");
    await local.server.resume();
    await turns(to, "up");
    from.adapter.publish("c", "4");
    await until(() => to.host.received("c").at(-1) === "4");

    expect(to.host.received("c")).toEqual(["0", "1", "2", "3", "4"]);
    expect(to.gaps.map((it) => it.reason)).toEqual(
      ["went-back", "went-back", "went-back"],
    );
    expect(to.gaps[0]?.channels).toEqual(["c"]);
  },
  40_000,
);

test("entries that are not ours are passed over, and told once", async () => {
  const [from, to] = [open(local, "foreign"), open(local, "foreign")];
  await to.adapter.subscribe("c");
  const key = shardKey("foreign", shardOf("c"));
  for (
    const fields of [
      ["hello", "world"],
      ["c", "cc"],
      ["c", "cc", "d", "x", "i", "ia.1"],
      ["c", "cc", "d", "sx", "i", "ia.0"],
      ["c", "cc", "d", "sx", "i", "ia.-1"],
      ["c", "cc", "d", "sx", "i", "ia b.1"],
      ["c", "c", "d", '{"a":1}', "i", "1"],
    ]
  ) await local.redis.command("XADD", key, "*", ...fields);
  // Another order of fields, and one more, is ours all the same.
  const fields = ["i", "iother.1", "x", "1", "d", "sours", "c", "cc"];
  await local.redis.command("XADD", key, "*", ...fields);
  from.adapter.publish("c", "last");
  await until(() => to.host.received("c").at(-1) === "last");
  expect(to.host.received("c")).toEqual(["ours", "last"]);
  expect(to.host.errors.length).toBe(1);
  expect(texts(to)).toContain("not written by an adapter");
});

test("a key of another type: told, not for ever", async () => {
  const [from, to] = [open(local, "type"), open(local, "type")];
  await to.adapter.subscribe("c");
  const key = shardKey("type", shardOf("c"));
  await local.redis.command("SET", key, "x");
  from.adapter.publish("c", "hush");
  await turns(to, "down");
  await until(() => from.host.droppedCount === 1);
  expect(texts(to) + texts(from)).toContain("WRONGTYPE");
  expect(texts(to) + texts(from)).not.toContain("hush");
  await local.redis.command("DEL", key);
  await turns(to, "up");
  from.adapter.publish("c", "x");
  await until(() => to.host.received("c").at(-1) === "x");
}, 30_000);

test("a payload that is too large is counted, told, and not sent", async () => {
  const node = open(local, "large");
  const { requests } = await local.cost(async () => {
    node.adapter.publish(
      "c",
      "x".repeat(node.adapter.limits.maxPayloadBytes + 1),
    );
    await Bun.sleep(50);
  });
  expect([requests, node.host.droppedCount, node.host.errors.length])
    .toEqual([0, 1, 1]);
});
