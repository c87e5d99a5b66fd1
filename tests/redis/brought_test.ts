import { afterAll, describe, expect, test } from "bun:test";
import { createClient } from "redis";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { registerAdapterSuite } from "../adapters/register.ts";
import { thrown, until, within } from "../helpers/wait.ts";
import { bunRedis, ioredis, nodeRedis } from "./brought.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";

const server = await RedisServer.start();
afterAll(() => server.end());

for (
  const [name, { make, end }] of Object.entries({
    "one client of redis": nodeRedis(false),
    "two clients of redis": nodeRedis(true),
    "one client of ioredis": ioredis(false),
    "two clients of ioredis": ioredis(true),
    "two clients of Bun": bunRedis(true), // one works as two: a duplicate subscribes
  })
) {
  describe(name, () => {
    afterAll(end);
    registerAdapterSuite("brought", createRedisSubject(server, make));
  });
}

test("close lets go of the user's clients: they stay connected, and nothing is subscribed", async () => {
  const publisher = createClient({ url: server.url });
  const subscriber = createClient({ url: server.url });
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const heard: string[] = [];
  await subscriber.subscribe("theirs", (it) => heard.push(it));
  const before = listeners();
  const host = new RecordingHost();
  const adapter = createRedisAdapter({
    publisher,
    subscriber,
    namespace: "lent",
  });
  adapter.open(host);
  await within(adapter.subscribe("c"));
  adapter.publish("c", "x");
  await until(() => host.count === 1);
  await adapter.close();
  expect(await server.command("PUBSUB", "CHANNELS", "lent*")).toBe("*0\r\n");
  await publisher.publish("theirs", "y");
  await until(() => heard.length === 1);
  expect(listeners()).toEqual(before);
  publisher.destroy();
  subscriber.destroy();

  function listeners() {
    return [publisher, subscriber].map((it) =>
      it.eventNames().map((event) => [event, it.listenerCount(event)])
    );
  }
});

test(
  "close ends the duplicate that it made of the user's client, and no more",
  async () => {
    for (
      const { make, end } of [nodeRedis(false), ioredis(false), bunRedis(false)]
    ) {
      const connections = async () =>
        (await server.command("CLIENT", "LIST")).match(/cmd=/g)?.length ?? 0;
      const before = await connections();
      const adapter = await make(server.url, "duplicate");
      adapter.open(new RecordingHost());
      await within(adapter.subscribe("c"));
      expect(await connections()).toBe(before + 2);
      await adapter.close();
      while (await connections() > before + 1) await Bun.sleep(10);
      expect(await connections()).toBe(before + 1);
      end();
      while (await connections() > before) await Bun.sleep(10);
    }
  },
  10_000,
);

test("what cannot be is refused when it is created", () => {
  const client = createClient();
  const bun = new Bun.RedisClient(server.url);
  for (
    const [options, message] of [
      ["http://localhost", "url must start with redis://"],
      ["localhost:6379", "url must start with redis://"],
      [{}, "needs one of url, client, or publisher and subscriber"],
      [{ url: server.url, client }, "needs one of"],
      [{ publisher: client }, "must be two clients"],
      [{ publisher: client, subscriber: client }, "must be two clients"],
      [{ client: {} as typeof client }, "unsupported client type"],
      [{ client: bun, sharded: true }, "Bun's RedisClient has no SSUBSCRIBE"],
      [{ url: server.url, namespace: "" }, 'namespace is ""'],
      [{ url: server.url, timeoutMs: 0 }, "timeoutMs is 0"],
    ] as const
  ) {
    const error = thrown(() => createRedisAdapter(options));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
  }
  bun.close();
});

test(
  "closed while Redis is unreachable, nothing is subscribed on the user's clients when it is back",
  async () => {
    for (const { make, end } of [nodeRedis(true), ioredis(true)]) {
      const host = new RecordingHost();
      const adapter = await make(server.url, "left");
      adapter.open(host);
      await within(adapter.subscribe("c"));
      await server.kill();
      await until(() => host.state === "down");
      await within(adapter.close(), 3_000);
      await server.begin();
      const clients = async () =>
        (await server.command("CLIENT", "LIST")).match(/cmd=/g)?.length;
      while (await clients() !== 3) await Bun.sleep(20); // theirs and the one that asks
      await Bun.sleep(100);
      expect(await server.command("PUBSUB", "CHANNELS", "left*")).toBe(
        "*0\r\n",
      );
      end();
    }
  },
  20_000,
);
