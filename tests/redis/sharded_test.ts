import { afterAll, expect, test } from "bun:test";
import { Cluster } from "ioredis";
import { once } from "node:events";
import { createCluster } from "redis";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { slotOf } from "../../adapters/redis/slots.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { registerAdapterSuite } from "../adapters/register.ts";
import { until, within } from "../helpers/wait.ts";
import { ioredis, nodeRedis } from "./brought.ts";
import { RedisCluster } from "./redis_cluster.ts";
import { createRedisSubject, PATIENCE_MS } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";

const alone = await RedisServer.start();
const cluster = await RedisCluster.start();
afterAll(() => Promise.all([alone.end(), cluster.end()]));

registerAdapterSuite(
  "sharded, one server",
  createRedisSubject(
    alone,
    (url, namespace) =>
      createRedisAdapter({ url, namespace, timeoutMs: 2_000, sharded: true }),
  ),
);

// An outage of one of three is no outage of the others: what happens then is below.
registerAdapterSuite("sharded, a cluster of three", {
  patienceMs: PATIENCE_MS,
  presence: true,
  log: true,
  create: ({ namespace }) => onCluster(namespace),
});

function onCluster(namespace: string) {
  return createRedisAdapter({
    url: cluster.url,
    namespace,
    timeoutMs: 1_000,
    sharded: true,
  });
}

function open(namespace: string) {
  const host = new RecordingHost();
  const adapter = onCluster(namespace);
  adapter.open(host);
  return { host, adapter };
}

/** A channel in each third of the slots. */
function channelsOf(namespace: string): string[] {
  const found: string[] = [];
  for (let at = 0; found.filter(Boolean).length < 3; at++) {
    found[Math.floor(slotOf(`${namespace}:${at}`) / 5461)] ??= `${at}`;
  }
  return found;
}

test("slots are those that Redis counts", async () => {
  for (const name of ["", "a", "room:x", "ü{漢}b", "{}a", "{a", "a}{b}{c}"]) {
    const answer = await cluster.servers[0]!.command(
      ...["CLUSTER", "KEYSLOT", name],
    );
    expect(answer).toBe(`:${slotOf(name)}\r\n`);
  }
});

test("channels are spread over the servers", async () => {
  const { adapter } = open("spread");
  await Promise.all(
    channelsOf("spread").map((channel) => adapter.subscribe(channel)),
  );
  for (const server of cluster.servers) {
    const channels = await server.command(
      ...["PUBSUB", "SHARDCHANNELS", "spread:*"],
    );
    expect(channels).toStartWith("*1\r\n");
  }
  await adapter.close();
  for (const server of cluster.servers) {
    const left = async () => await server.command("PUBSUB", "SHARDCHANNELS");
    expect(await left()).toBe("*0\r\n");
  }
});

test(
  "while one server is away the others carry on, and all is live when it is back",
  async () => {
    const [from, to] = [open("one"), open("one")];
    const channels = channelsOf("one");
    await Promise.all(channels.map((channel) => to.adapter.subscribe(channel)));
    for (const channel of channels) from.adapter.publish(channel, "1");
    await until(() => to.host.count === 3);
    await cluster.servers[2]!.kill();
    await until(() => from.host.state === "down" && to.host.state === "down");
    for (const channel of channels) from.adapter.publish(channel, "2");
    await until(() => to.host.count === 5);
    await until(() => from.host.droppedCount === 1);
    await cluster.servers[2]!.begin();
    await until(
      () => from.host.state === "up" && to.host.state === "up",
      "all is up",
      10_000,
    );
    for (const channel of channels) from.adapter.publish(channel, "3");
    await until(() => to.host.count === 8);
    expect(channels.map((channel) => to.host.received(channel))).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
      ["1", "3"],
    ]);
    await Promise.all([from.adapter.close(), to.adapter.close()]);
  },
  30_000,
);

test("a slot that moves takes its channels along", async () => {
  const [from, to] = [open("move"), open("move")];
  const channel = channelsOf("move")[0]!;
  await to.adapter.subscribe(channel);
  from.adapter.publish(channel, "1");
  await until(() => to.host.count === 1);
  await cluster.move(slotOf(`move:${channel}`), cluster.servers[1]!);
  let at = 1;
  await until(
    () => {
      from.adapter.publish(channel, `${++at}`);
      return to.host.count > 1;
    },
    "it is heard on the other server",
    10_000,
  );
  await until(() => from.host.state === "up" && to.host.state === "up");
  const got = to.host.received(channel).map(Number);
  expect(got).toEqual(got.toSorted((a, b) => a - b));
  expect(new Set(got).size).toBe(got.length);
  const there = await cluster.servers[1]!.command(
    ...["PUBSUB", "SHARDCHANNELS", "move:*"],
  );
  expect(there).toStartWith("*1\r\n");
  await Promise.all([from.adapter.close(), to.adapter.close()]);
}, 30_000);

test("clients that the user brought shard as well", async () => {
  for (
    const { make, end } of [
      nodeRedis(false, { sharded: true }),
      ioredis(true, { sharded: true }),
    ]
  ) {
    const host = new RecordingHost();
    const adapter = await make(alone.url, "brought");
    adapter.open(host);
    await within(adapter.subscribe("c"));
    expect(await alone.command("PUBSUB", "SHARDCHANNELS", "brought:c"))
      .toStartWith("*1\r\n");
    adapter.publish("c", "x");
    await until(() => host.count === 1);
    await adapter.close();
    end();
  }
});

test("cluster clients that the user brought shard as well", async () => {
  await cluster.whole(); // a client of ioredis that finds a server which says "fail" starts over, as in an outage
  const rootNodes = cluster.servers.map(({ url }) => ({ url }));
  const theirs = createCluster({ rootNodes });
  theirs.on("error", () => {});
  await theirs.connect();
  const others = new Cluster(
    cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port })),
    { shardedSubscribers: true },
  );
  others.on("error", () => {});
  await within(once(others, "ready"));
  for (const client of [theirs, others]) {
    const host = new RecordingHost();
    const namespace = "cluster-client";
    const adapter = createRedisAdapter({ client, sharded: true, namespace });
    adapter.open(host);
    const channels = channelsOf(namespace);
    await within(
      Promise.all(channels.map((channel) => adapter.subscribe(channel))),
    );
    for (const channel of channels) adapter.publish(channel, "x");
    await until(() => host.count === 3);
    expect(channels.map((channel) => host.received(channel))).toEqual(
      [["x"], ["x"], ["x"]],
    );
    expect([host.droppedCount, host.statuses]).toEqual([0, []]);
    await adapter.close();
  }
  theirs.destroy();
  others.disconnect();
}, 30_000);
