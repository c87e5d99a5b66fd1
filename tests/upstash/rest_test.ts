/** An adapter that stops hearing and goes on, in the same life of a node and in another. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { Calls } from "../../adapters/upstash/calls.ts";
import { STREAM_LENGTH } from "../../adapters/shared/streams.ts";
import { rejection, until, within } from "../helpers/wait.ts";
import { LocalUpstash } from "./local_upstash.ts";
import { endAll, open } from "./open.ts";

const local = await LocalUpstash.start();
afterAll(() => local.end());
afterEach(async () => {
  local.server.trouble({});
  await endAll();
});

const NOTHING = { requests: 0, commands: 0 };

/** A node that has paused, and one that publishes. */
async function pausing(namespace: string, options = {}) {
  const writer = open(local, namespace);
  const node = open(local, namespace, options);
  await node.adapter.subscribe("c");
  const publish = async (...texts: string[]) => {
    for (const text of texts) writer.adapter.publish("c", text);
    await local.cost(() => {}); // they are in the stream
  };
  return { ...node, rest: node.adapter.rest, publish };
}

test("what there is is heard before a pause, and nothing is asked for after it", async () => {
  const { host, rest, publish } = await pausing("pause");
  await publish("before");
  expect(await rest?.pause()).toContain("pause");
  expect(host.received("c")).toEqual(["before"]);
  await publish("meanwhile");
  expect(await local.cost(() => Bun.sleep(600))).toEqual(NOTHING);
  await rest?.pause(); // hears once more
  expect(host.received("c")).toEqual(["before", "meanwhile"]);
  await publish("later");
  rest?.resume();
  await until(() => host.received("c").length === 3);
});

test("another life goes on where the last one paused, in all that is subscribed by then", async () => {
  const { adapter, host, rest, publish } = await pausing("restore");
  await adapter.subscribe("d");
  const position = await rest?.pause();
  await adapter.close();
  await publish("meanwhile");
  const { adapter: again, host: heard } = open(local, "restore");
  let found = (_position: string | undefined) => {};
  const cost = await local.cost(async () => {
    const restored = again.rest?.restore(
      new Promise((resolve) => found = resolve),
    );
    const live = [again.subscribe("c")];
    await Bun.sleep(100); // whoever does not wait has asked for a start by now
    live.push(again.subscribe("d"));
    found(position);
    await restored;
    await Promise.all(live);
    await Bun.sleep(400);
  });
  expect(cost).toEqual(NOTHING); // it is paused
  again.rest?.resume();
  await until(() => heard.count === 1);
  await publish("now");
  await until(() => heard.count === 2);
  expect(heard.received("c")).toEqual(["meanwhile", "now"]);
  expect(host.count).toBe(0);
});

test("a node that is resumed while it pauses hears on", async () => {
  const { adapter, host, rest, publish } = await pausing("crossing");
  local.server.trouble({ delayMs: 100 });
  const subscribed = adapter.subscribe("d");
  const paused = rest?.pause();
  await Bun.sleep(0);
  rest?.resume();
  await paused;
  await subscribed;
  await publish("heard");
  await until(() => host.count === 1);
});

test("a stream of wakes ends with a pause, and a life that only looks opens none", async () => {
  const { adapter, rest } = await pausing("sse", { wake: "sse" });
  await until(() => local.server.streams === 1);
  const position = await rest?.pause();
  await until(() => local.server.streams === 0);
  await adapter.close();
  const { adapter: again } = open(local, "sse", { wake: "sse" });
  const restored = again.rest?.restore(Promise.resolve(position));
  await again.subscribe("c");
  await restored;
  expect(await local.cost(() => again.rest?.pause()))
    .toEqual({ requests: 1, commands: 1 });
  again.rest?.resume();
  await until(() => local.server.streams === 1);
});

test("where it is away, a pause stops all the same", async () => {
  const { rest } = await pausing("away", { timeoutMs: 200 });
  local.server.trouble({ rate: 1, kinds: ["hang-before"] });
  expect(await within(rest?.pause() ?? Promise.reject())).toContain("away");
  expect(await local.cost(() => Bun.sleep(600))).toEqual(NOTHING);
});

test("a request that is late is given up by itself", async () => {
  const signals: AbortSignal[] = [];
  let answer = (_reply: unknown) => {};
  const calls = new Calls(
    (signal) => {
      signals.push(signal);
      const xread = () => new Promise<unknown>((resolve) => answer = resolve);
      return Promise.resolve({ xread } as never); // nothing else is called
    },
    500,
    STREAM_LENGTH,
  );
  const read = () => calls.read(new Map([["k", "0-0"]]), 1);
  const late = rejection(read());
  await Bun.sleep(250);
  const other = read();
  expect(String(await late)).toContain("within 500 ms");
  answer(null);
  expect(await other).toEqual([]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});
