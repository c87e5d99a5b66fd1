import { afterAll, afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:net";
import {
  createRedisAdapter,
  type RedisAdapterOptions,
} from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { rejection, until, within } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const TIMEOUT_MS = 400;
/** In which a silent Redis must be noticed, on a busy machine. */
const NOTICED_MS = 4 * TIMEOUT_MS;
const BACK_MS = 12_000;

const redis = await RedisServer.start();
const proxy = await TcpProxy.start(redis.port);
afterAll(async () => {
  await proxy.end();
  await redis.end();
});

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function open(options: Partial<RedisAdapterOptions> = {}) {
  const host = new RecordingHost();
  const causes: unknown[] = [];
  const told = host.status.bind(host);
  host.status = (status: "up" | "down", cause?: unknown) => {
    if (status === "down") causes.push(cause);
    told(status);
  };
  const adapter = createRedisAdapter({
    url: redis.url,
    namespace: "outage",
    timeoutMs: TIMEOUT_MS,
    ...options,
  });
  adapter.open(host);
  endings.push(() => adapter.close());
  const turns = (state: "up" | "down", ms: number) =>
    until(() => host.state === state, `status is ${state}`, ms);
  return { host, adapter, causes, turns };
}

type Node = ReturnType<typeof open>;

/** Publishes 1, 2, 3, … until told otherwise, and says how many it was. */
function stream(from: Node, everyMs = 2) {
  let count = 0;
  const timer = setInterval(
    () => from.adapter.publish("c", `${++count}`),
    everyMs,
  );
  const end = () => {
    clearInterval(timer);
    return count;
  };
  endings.push(end);
  return end;
}

/** Nothing comes twice or out of order, and what is missing was counted. */
async function expectInOrder(from: Node, to: Node, count: number) {
  await to.turns("up", BACK_MS);
  await from.turns("up", BACK_MS);
  from.adapter.publish("c", `${count + 1}`);
  const got = () => to.host.received("c");
  await until(() => got().at(-1) === `${count + 1}`, "the last one came");
  const numbers = got().map(Number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  return { received: numbers.length, missing: count + 1 - numbers.length };
}

test(
  "a Redis that stops answering is noticed, and all is live when it answers again",
  async () => {
    const [from, to] = [open(), open()];
    await to.adapter.subscribe("c");
    const end = stream(from);
    await until(() => to.host.count > 5);
    redis.pause();
    endings.push(() => redis.resume());
    const pending = rejection(to.adapter.subscribe("late"));
    await Promise.all([
      from.turns("down", NOTICED_MS),
      to.turns("down", NOTICED_MS),
    ]);
    expect(await pending).toMatchObject({ code: "UNAVAILABLE" });
    expect(await rejection(to.adapter.subscribe("later")))
      .toMatchObject({ code: "UNAVAILABLE" });
    expect(to.causes).toEqual([
      expect.objectContaining({ code: "UNAVAILABLE" }),
    ]);
    redis.resume();
    const { missing } = await expectInOrder(from, to, end());
    expect(from.host.droppedCount).toBeGreaterThanOrEqual(missing);
    // A subscription that was refused is not there.
    const there = await redis.command("PUBSUB", "CHANNELS", "outage:late*");
    expect(there).toBe("*0\r\n");
  },
  30_000,
);

test(
  "a way that carries nothing is noticed, dialled with back-off, and all is live when it carries again",
  async () => {
    const [from, to] = [open(), open({ url: proxy.url })];
    await to.adapter.subscribe("c");
    const end = stream(from);
    await until(() => to.host.count > 5);
    const before = proxy.taken;
    proxy.hang();
    endings.push(() => proxy.resume());
    await to.turns("down", NOTICED_MS);
    await Bun.sleep(1_500);
    expect(proxy.taken - before).toBeLessThan(12); // two an attempt, which takes the time-out and the back-off
    expect(from.host.state).toBe("up");
    expect(from.host.statuses).toEqual([]);
    proxy.resume();
    await expectInOrder(from, to, end());
  },
  30_000,
);

test("a slow way is no outage", async () => {
  const slow = open({ url: proxy.url });
  await slow.adapter.subscribe("c");
  proxy.delayMs = TIMEOUT_MS / 3;
  endings.push(() => proxy.delayMs = 0);
  await Bun.sleep(4 * TIMEOUT_MS);
  slow.adapter.publish("c", "x");
  await until(() => slow.host.count === 1);
  expect(slow.host.statuses).toEqual([]);
});

test(
  "connections that break or are killed come back, whichever it is",
  async () => {
    const [from, to] = [open(), open({ url: proxy.url })];
    await to.adapter.subscribe("c");
    const end = stream(from);
    let count = 0;
    for (
      const strike of [
        () => proxy.cut(),
        () => redis.command("CLIENT", "KILL", "TYPE", "pubsub"),
        () => redis.command("CLIENT", "KILL", "TYPE", "normal"),
        async () => {
          await redis.kill();
          await redis.begin();
        },
      ]
    ) {
      await until(() => to.host.count > count + 5, "it hears again", BACK_MS);
      const told = to.host.statuses.length;
      await strike();
      await until(
        () => to.host.statuses.length >= told + 2,
        "it is back",
        BACK_MS,
      );
      count = to.host.count;
    }
    const { missing } = await expectInOrder(from, to, end());
    expect(missing).toBeGreaterThan(0);
    expect(to.host.statuses.filter((it) => it === "down").length)
      .toBeGreaterThanOrEqual(4);
  },
  60_000,
);

test(
  "a subscriber that Redis ends for its output buffer comes back",
  async () => {
    await redis.command(
      ...["CONFIG", "SET", "client-output-buffer-limit", "pubsub 2mb 0 0"],
    );
    const [from, slow] = [open(), open({ url: proxy.url, timeoutMs: 5_000 })];
    await slow.adapter.subscribe("c");
    proxy.hang();
    endings.push(() => proxy.resume());
    const payload = "x".repeat(1_000_000);
    for (let at = 0; at < 20; at++) from.adapter.publish("c", payload);
    const list = ["CLIENT", "LIST", "TYPE", "pubsub"]; // the other one's buffer is empty, so it stays
    while ((await redis.command(...list)).match(/cmd=/g)?.length !== 1) {
      await Bun.sleep(20);
    }
    proxy.resume();
    await slow.turns("down", NOTICED_MS);
    await slow.turns("up", BACK_MS);
    const before = slow.host.count;
    from.adapter.publish("c", "after");
    await until(() => slow.host.count === before + 1);
    await redis.command(
      ...["CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60"],
    );
  },
  30_000,
);

test(
  "a wrong password is told, and the node comes up once it is right",
  async () => {
    const url = redis.url.replace("://", "://ada:p%40ss@") + "/3";
    const node = open({ url });
    expect(await rejection(node.adapter.subscribe("c")))
      .toMatchObject({ code: "UNAVAILABLE" });
    expect(String(node.causes[0])).toContain("WRONGPASS");
    node.adapter.publish("c", "x");
    expect(node.host.droppedCount).toBe(1);
    await Bun.sleep(500);
    expect([node.causes.length, node.host.errors]).toEqual([1, []]); // the same again is not told again
    const right = ["on", ">p@ss", "allchannels", "allcommands", "allkeys"];
    await redis.command("ACL", "SETUSER", "ada", ...right);
    await node.turns("up", BACK_MS);
    await node.adapter.subscribe("c");
    const other = open(); // of another database: publishes know no databases
    other.adapter.publish("c", "here");
    await until(() => node.host.count === 1);
  },
  30_000,
);

test("a channel that the user may not have is refused by itself", async () => {
  const rights = ["on", ">pw", "resetchannels", "&outage:c*", "&outage@*"];
  await redis.command("ACL", "SETUSER", "bob", ...rights, "allcommands");
  const node = open({ url: redis.url.replace("://", "://bob:pw@") });
  const other = open();
  const [allowed, refused] = [
    node.adapter.subscribe("c"),
    rejection(node.adapter.subscribe("other")),
  ];
  await allowed;
  const error = await refused;
  expect(error).toMatchObject({ code: "UNAVAILABLE" });
  expect(String((error as Error).cause)).toContain("NOPERM");
  other.adapter.publish("c", "x");
  await until(() => node.host.count === 1);
  node.adapter.publish("other", "1");
  node.adapter.publish("other", "2");
  await until(() => node.host.droppedCount === 2);
  expect(node.host.errors.length).toBe(1);
  expect(node.host.statuses).toEqual([]);
});

test(
  "a server that ends each connection at once is dialled with back-off",
  async () => {
    let taken = 0;
    const rude = createServer((socket) => {
      taken++;
      socket.on("error", () => {});
      socket.end();
    }).listen(0, "127.0.0.1");
    await once(rude, "listening");
    endings.push(() => rude.close());
    const { port } = rude.address() as { port: number }; // it listens on TCP
    const node = open({ url: `redis://127.0.0.1:${port}` });
    node.adapter.publish("c", "early");
    await node.turns("down", NOTICED_MS);
    expect(node.host.droppedCount).toBe(1);
    await Bun.sleep(2_000);
    expect(taken).toBeLessThan(40);
    await within(node.adapter.close(), 3_000);
    const before = taken;
    await Bun.sleep(300);
    expect(taken).toBe(before);
  },
  20_000,
);

test("what waits for a silent Redis is bounded, and counted", async () => {
  const node = open({ url: proxy.url, maxPendingLength: 100_000 });
  await node.adapter.subscribe("c");
  proxy.hang();
  endings.push(() => proxy.resume());
  for (let at = 0; at < 50; at++) node.adapter.publish("c", "x".repeat(10_000));
  expect(node.host.droppedCount).toBe(41);
  await node.turns("down", NOTICED_MS);
  expect(node.host.droppedCount).toBe(50);
});

test(
  "Redis killed again and again: no repeat, no swap, and what is missing is counted",
  async () => {
    const [from, to] = [open(), open()];
    await to.adapter.subscribe("c");
    const end = stream(from);
    for (let round = 0; round < 4; round++) {
      await until(
        () => to.host.state === "up" && from.host.state === "up",
        "up",
        BACK_MS,
      );
      await Bun.sleep(100 + 50 * round);
      await redis.kill();
      await redis.begin();
    }
    const { missing, received } = await expectInOrder(from, to, end());
    expect(received).toBeGreaterThan(100);
    // A publish that Redis confirmed is missing where the subscriber was not back yet; all others were counted.
    expect(missing).toBeGreaterThan(0);
  },
  60_000,
);

test("50 MB from a stranger end nothing", async () => {
  const node = open();
  await node.adapter.subscribe("c");
  await redis.command("PUBLISH", "outage:c", "x".repeat(50_000_000));
  await until(() => node.host.count === 1 || node.host.statuses.length > 0);
  await node.turns("up", BACK_MS);
  node.adapter.publish("c", "after");
  await until(() => node.host.received("c").at(-1) === "after");
}, 30_000);
