import { afterAll, afterEach, expect, test } from "bun:test";
import { shardKey, shardOf } from "../../adapters/shared/streams.ts";
import { until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { count, endAll, open } from "./open.ts";

const local = await LocalUpstash.start({ maxRequestBytes: 200_000 });
afterAll(() => local.end());
afterEach(async () => {
  local.server.trouble({});
  await endAll();
});

/** For what is much to do, on a busy machine. */
const LONG_MS = 20_000;

/** Adds entries to a stream at once, faster than anybody reads. */
async function burst(namespace: string, from: number, to: number) {
  const script = `for at = ARGV[1], ARGV[2] do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', 2000, '*', 'c', 'cc', 'd', 's' .. at, 'i', 'iburst.' .. at)
  end`;
  const key = shardKey(namespace, shardOf("c"));
  await local.redis.command("EVAL", script, "1", key, `${from}`, `${to}`);
}

test(
  "what was trimmed before it was read is told, and the rest comes in order",
  async () => {
    const node = open(local, "trimmed");
    await node.adapter.subscribe("c");
    await burst("trimmed", 1, 5_000);
    await until(
      () => node.host.received("c").at(-1) === "5000",
      "the last",
      LONG_MS,
    );
    const got = node.host.received("c").map(Number);
    expect(got.length).toBeGreaterThanOrEqual(1_999);
    expect(got.length).toBeLessThan(2_200); // Redis trims whole nodes of 100
    expect(got).toEqual(count(got.length, 5_001 - got.length).map(Number));
    await until(() => node.gaps.length > 0);
    expect(node.gaps).toEqual([{ reason: "trimmed", channels: ["c"] }]);
  },
  60_000,
);

test(
  "a burst that fits, and a long one that is read as it comes, are no gaps",
  async () => {
    const node = open(local, "whole");
    await node.adapter.subscribe("c");
    await burst("whole", 1, 1_990);
    await until(
      () => node.host.received("c").length === 1_990,
      "all of them",
      LONG_MS,
    );
    for (let at = 1_990; at < 8_000; at += 300) {
      await burst("whole", at + 1, at + 300);
      await until(
        () => node.host.received("c").length > at - 500,
        "most of them",
        LONG_MS,
      );
    }
    await until(
      () => node.host.received("c").at(-1) === "8290",
      "the last",
      LONG_MS,
    );
    expect(node.host.received("c").length).toBe(8_290);
    expect(node.gaps).toEqual([]);
  },
  60_000,
);

test(
  "a reply that is too large is asked for in smaller parts, down to one stream at a time",
  async () => {
    const [from, to] = [open(local, "parts"), open(local, "parts")];
    const channels = count(24).map((it) => `c${it}`);
    await Promise.all(channels.map((it) => to.adapter.subscribe(it)));
    local.server.trouble({ rate: 1, kinds: ["drop-before"] }); // all are there before the first is read
    await until(() => to.host.state === "down", "down", 10_000);
    local.server.trouble({});
    for (const channel of channels) {
      from.adapter.publish(channel, channel + "x".repeat(80_000));
    }
    await until(() => to.host.count === 24, "all came", 15_000);
    expect([to.gaps, to.host.errors]).toEqual([[], []]);
  },
  40_000,
);

test(
  "an entry that is too large to be read by itself is gone past, and told",
  async () => {
    const [from, to] = [open(local, "huge"), open(local, "huge")];
    await to.adapter.subscribe("c");
    const key = shardKey("huge", shardOf("c"));
    await local.redis.command("XADD", key, "*", "a", "x".repeat(300_000));
    from.adapter.publish("c", "after");
    await until(() => to.host.count === 1, "the next came", 15_000);
    expect(to.gaps).toEqual([{ reason: "unreadable", channels: ["c"] }]);
  },
  20_000,
);

test("without members nothing is asked; one publish is one command", async () => {
  const node = open(local, "cost");
  expect(await local.cost(() => Bun.sleep(300)))
    .toEqual({ requests: 0, commands: 0 });
  const publish = () =>
    local.cost(async () => {
      node.adapter.publish("c", "x");
      await Bun.sleep(150);
    });
  expect(await publish()).toEqual({ requests: 1, commands: 2 }); // the first of an hour renews the stream
  expect(await publish()).toEqual({ requests: 1, commands: 1 });
  const many = await local.cost(async () => {
    for (const number of count(50)) node.adapter.publish("c", number);
    await Bun.sleep(300);
  });
  expect(many).toEqual({ requests: 1, commands: 50 });
});

test("a subscribe costs one script and a look at each stream, a read one command for all channels", async () => {
  const quiet = { minIntervalMs: 60_000, maxIntervalMs: 60_000 };
  const node = open(local, "cost-2", quiet);
  const channels = count(200).map((it) => `c${it}`);
  expect(
    await local.cost(() =>
      Promise.all(channels.map((it) => node.adapter.subscribe(it)))
    ),
  ).toEqual({ requests: 1, commands: 9 });
  const fast = open(local, "cost-3", { minIntervalMs: 20, maxIntervalMs: 20 });
  await Promise.all(channels.map((it) => fast.adapter.subscribe(it)));
  const { requests, commands } = await local.cost(() => Bun.sleep(400));
  expect(requests).toBe(commands);
  expect(requests).toBeGreaterThan(0);
  expect(requests).toBeLessThanOrEqual(20);
  await Promise.all(channels.map((it) => fast.adapter.unsubscribe(it)));
  await Bun.sleep(50); // one may be under way
  expect(await local.cost(() => Bun.sleep(200)))
    .toEqual({ requests: 0, commands: 0 });
});

test("without traffic the waits grow, and with it they are short again", async () => {
  const waits = { minIntervalMs: 20, maxIntervalMs: 10_000, factor: 4 };
  const node = open(local, "waits", waits);
  await node.adapter.subscribe("c");
  // 20, 80, 320, 1280, …: five in 1.7 s, and 85 if they were all short.
  const idle = await local.cost(() => Bun.sleep(1_500));
  expect(idle.requests).toBeLessThanOrEqual(5);
  const other = open(local, "waits");
  const busy = await local.cost(async () => {
    for (const number of count(20)) {
      other.adapter.publish("c", number);
      node.adapter.publish("c", `own ${number}`); // an answer is likely
      await until(() => node.host.received("c").includes(number));
    }
  });
  expect(node.host.received("c")).toEqual(count(20));
  expect(busy.requests).toBeGreaterThan(40);
});

test("what a client repeats comes once", async () => {
  const { Redis } = await import("@upstash/redis");
  const { url, token } = local.server;
  const client = new Redis({ url, token, retry: { backoff: () => 10 } });
  const [from, to] = [open(local, "again", { client }), open(local, "again")];
  await to.adapter.subscribe("c");
  local.server.trouble({ rate: 0.5, kinds: ["drop-after"] });
  for (const number of count(100)) {
    from.adapter.publish("c", number);
    await Bun.sleep(2);
  }
  await until(() => to.host.received("c").at(-1) === "99", "the last", 15_000);
  local.server.trouble({});
  expect(to.host.received("c")).toEqual(count(100));
  const length = await local.redis.command(
    ...["XLEN", shardKey("again", shardOf("c"))],
  );
  expect(Number(length.slice(1))).toBeGreaterThan(100);
}, 30_000);

test("a stream that is too large for a record is shortened once, and the payload tried again", async () => {
  const { Redis } = await import("@upstash/redis");
  const { url, token } = local.server;
  const client = new Redis({ url, token });
  let refusals = 1;
  let trims = 0;
  const limited = {
    xread: client.xread.bind(client),
    eval: client.eval.bind(client),
    pipeline: () => {
      const pipeline = client.pipeline();
      return new Proxy(pipeline, {
        get: (target, name) => {
          if (name === "xtrim") trims++;
          if (name !== "exec") {
            const member = Reflect.get(target, name);
            return typeof member === "function" ? member.bind(target) : member;
          }
          return async (options: { keepErrors: true }) => {
            if (refusals > 0 && target.length() === 2) { // an entry and its renewal
              refusals--;
              const error = "ERR max single record size exceeded";
              return [{ error }, { result: 1 }];
            }
            return await target.exec(options);
          };
        },
      });
    },
  };
  const from = open(local, "record", { client: limited as never });
  const to = open(local, "record");
  await to.adapter.subscribe("c");
  from.adapter.publish("c", "1");
  await until(() => to.host.received("c").length === 1);
  expect([trims, from.host.droppedCount, from.host.errors.length]).toEqual([
    1,
    0,
    1,
  ]);
});

test("an outage of seconds loses nothing, and swaps nothing", async () => {
  const [from, to] = [open(local, "seconds"), open(local, "seconds")];
  await to.adapter.subscribe("c");
  let sent = 0;
  const timer = setInterval(() => from.adapter.publish("c", `${sent++}`), 20);
  await until(() => to.host.count > 10);
  await local.server.pause();
  await Bun.sleep(2_500);
  await local.server.resume();
  await until(() => to.host.state === "up", "up", 10_000);
  clearInterval(timer);
  await until(() => to.host.count === sent, "all came", 15_000);
  expect(to.host.received("c")).toEqual(count(sent));
  expect([from.host.droppedCount, to.gaps]).toEqual([0, []]);
}, 40_000);
