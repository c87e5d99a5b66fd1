import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { shardOf } from "../../adapters/shared/streams.ts";
import { until } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { count, endAll, open } from "./open.ts";

const local = await LocalUpstash.start();
afterAll(() => local.end());
let namespace = "";
let used = 0;
beforeEach(() => {
  namespace = `retry ${used++}`;
});
afterEach(async () => {
  local.server.trouble({});
  await endAll();
});

/** Publishes while answers are lost, until a retry is under way; the next one gets through. */
async function unconfirmed(publish: () => void): Promise<void> {
  const { requests } = local.server.counters;
  local.server.trouble({ rate: 1, kinds: ["drop-after"] });
  publish();
  await until(() => local.server.counters.requests >= requests + 2);
  local.server.trouble({});
}

async function stored(): Promise<number> {
  const prefix = encodeURIComponent(namespace);
  let sum = 0;
  for (let shard = 0; shard < 8; shard++) {
    const length = await local.redis.command("XLEN", `${prefix}:1:8:${shard}`);
    sum += Number(/\d+/.exec(length)?.[0]);
  }
  return sum;
}

test("what was stored and not confirmed is stored once, and who begins to listen in between has none of it", async () => {
  const [early, late, writer] = count(3).map(() => open(local, namespace));
  if (!early || !late || !writer) throw new Error("Three were opened");
  await early.adapter.subscribe("c");
  const texts = count(30);
  await unconfirmed(() => {
    for (const text of texts) writer.adapter.publish("c", text);
    for (const text of texts) writer.adapter.publish("other", text);
  });
  await late.adapter.subscribe("c");
  writer.adapter.publish("c", "last");
  for (const { host } of [early, late]) {
    await until(() => host.received("c").includes("last"));
  }
  expect(early.host.received("c")).toEqual([...texts, "last"]);
  expect(late.host.received("c")).toEqual(["last"]);
  expect(await stored()).toBe(2 * texts.length + 1);
  expect(writer.host.droppedCount).toBe(0);
});

test("what was not stored is added behind what was, in order", async () => {
  const [reader, writer] = [open(local, namespace), open(local, namespace)];
  await reader.adapter.subscribe("c");
  writer.adapter.publish("c", "first");
  await until(() => reader.host.received("c").includes("first"));
  const { requests } = local.server.counters;
  local.server.trouble({ rate: 1, kinds: ["503"] });
  for (const text of count(150)) writer.adapter.publish("c", text);
  await until(() => local.server.counters.requests > requests + 2);
  local.server.trouble({});
  await until(() => reader.host.received("c").includes("149"));
  expect(reader.host.received("c")).toEqual(["first", ...count(150)]);
  expect(await stored()).toBe(151);
});

test("the look back passes what others wrote", async () => {
  const writer = open(local, namespace);
  await unconfirmed(() => writer.adapter.publish("c", "0"));
  const key = `${encodeURIComponent(namespace)}:1:8:${shardOf("c")}`;
  for (const number of count(450, 1)) {
    const id = `iother.${number}`;
    await local.redis.command(
      ...["XADD", key, "*", "c", "cc", "d", "sx", "i", id],
    );
  }
  const { adapter, host } = writer;
  await unconfirmed(() => adapter.publish("c", "1"));
  await adapter.close(); // waits for what is under way
  expect([host.droppedCount, await stored()]).toEqual([0, 452]);
});
