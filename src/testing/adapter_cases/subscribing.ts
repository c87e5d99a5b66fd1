/**
 * Cases about `open`, A1 and A2: who hears what, and from when until when.
 *
 * @module
 */
import type { AdapterCase } from "../adapter_subject.ts";
import { assert, assertSame, within } from "../assert.ts";
import { RecordingHost } from "../recording_host.ts";
import { defineCase, type Stage, type StageNode } from "../stage.ts";

/** The cases. */
export const subscribing: readonly AdapterCase[] = [
  defineCase("open", "open throws a TypeError a second time", async (stage) => {
    const node = await stage.node();
    const host = new RecordingHost();
    let thrown: unknown;
    try {
      node.adapter.open(host);
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof TypeError, `open threw ${thrown}`);
    const from = await stage.node();
    await stage.tune("c", from, node);
    assert(host.count === 0, "the second host was taken");
  }),

  defineCase(
    "A1",
    "a publish right after subscribe arrives, from any node",
    async (stage) => {
      const [listener, ...others] = await stage.nodes(4);
      await listener.subscribe("c");
      for (const other of others) other.publish("c", other.host.nodeId);
      for (const other of others) await listener.gets("c", other.host.nodeId);
    },
  ),
  defineCase(
    "A1",
    "a channel that subscribeNow takes is live, and one that it refuses can be subscribed",
    async (stage) => {
      const [listener, from] = await stage.nodes(2);
      const live = listener.adapter.subscribeNow?.("c") ?? false;
      if (!live) await listener.subscribe("c");
      from.publish("c", "x");
      await listener.gets("c", "x");
    },
  ),
  defineCase(
    "A1",
    "a node that subscribes after another is live as well",
    async (stage) => {
      const [from, first, second] = await stage.nodes(3);
      await stage.tune("c", from, first);
      await second.subscribe("c");
      from.publish("c", "x");
      await second.gets("c", "x");
    },
  ),
  defineCase(
    "A1",
    "each of many subscribes of one channel under way resolves only when live",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      const numbers = Array.from({ length: 20 }, (_, at) => `${at}`);
      await Promise.all(numbers.map(async (number) => {
        await listener.subscribe("c");
        from.publish("c", number);
      }));
      for (const number of numbers) await listener.gets("c", number);
      const got = [...listener.got("c")].sort((a, b) => Number(a) - Number(b));
      assertSame(got, numbers, "what came");
    },
  ),
  defineCase(
    "A1",
    "a subscribe of a subscribed channel resolves and changes nothing",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await listener.subscribe("c");
      from.publish("c", "x", "y");
      await listener.gets("c", "y");
      assertSame(listener.got("c"), ["x", "y"], "what came");
    },
  ),
  defineCase(
    "A1",
    "a subscribe after an unsubscribe is live as well",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await listener.unsubscribe("c");
      await listener.subscribe("c");
      from.publish("c", "x");
      await listener.gets("c", "x");
    },
  ),
  defineCase(
    "A1",
    "no adapter calls itself alone beside a node that hears it",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      for (const { adapter } of [from, listener]) {
        assert(adapter.alone?.() !== true, "alone() is true of one of two");
      }
    },
  ),

  defineCase("A2", "nothing arrives after unsubscribe", async (stage) => {
    const [from, listener] = await stage.nodes(2);
    await stage.tune("c", from, listener);
    await stage.tune("other", from, listener);
    await listener.unsubscribe("c");
    await isDeaf(stage, from, listener);
    from.publish("other", "x");
    await listener.gets("other", "x");
  }),
  defineCase(
    "A2",
    "what is under way when unsubscribe resolves does not arrive",
    async (stage) => {
      const [from, listener, witness] = await stage.nodes(3);
      await stage.tune("c", from, listener, witness);
      for (let at = 0; at < 30; at++) from.publish("c", `${at}`);
      await listener.unsubscribe("c");
      const before = listener.got("c").length;
      await witness.gets("c", "29");
      await isDeaf(stage, from, listener, before);
    },
  ),
  defineCase(
    "A2",
    "one unsubscribe ends a channel that was subscribed twice",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await listener.subscribe("c");
      await listener.unsubscribe("c");
      await isDeaf(stage, from, listener);
    },
  ),
  defineCase(
    "A2",
    "unsubscribe of a channel that was never subscribed resolves",
    async (stage) => {
      const [from, listener, other] = await stage.nodes(3);
      await stage.tune("c", from, listener);
      await other.unsubscribe("c");
      await listener.unsubscribe("another");
      from.publish("c", "x");
      await listener.gets("c", "x");
    },
  ),
  ...[
    ["subscribe", "unsubscribe"],
    ["unsubscribe", "subscribe", "unsubscribe"],
    alternate("subscribe", 100),
  ].map((calls) =>
    defineCase(
      "A2",
      `${calls.length} calls that end in unsubscribe, none awaited, leave it unsubscribed`,
      async (stage) => {
        const [from, listener] = await stage.nodes(2);
        if (calls[0] === "unsubscribe") {
          await stage.tune("c", from, listener);
        }
        await callAll(stage, listener, calls);
        await isDeaf(stage, from, listener);
      },
    )
  ),
  ...[
    ["unsubscribe", "subscribe"],
    ["subscribe", "unsubscribe", "subscribe"],
    alternate("unsubscribe", 100),
  ].map((calls) =>
    defineCase(
      "A2",
      `${calls.length} calls that end in subscribe, none awaited, leave it subscribed`,
      async (stage) => {
        const [from, listener] = await stage.nodes(2);
        if (calls[0] === "unsubscribe") {
          await stage.tune("c", from, listener);
        }
        await callAll(stage, listener, calls);
        await stage.hear("c", from, listener);
        from.publish("c", "x", "y");
        await listener.gets("c", "y");
        assertSame(listener.got("c"), ["x", "y"], "what came");
      },
    )
  ),
];

function alternate(first: "subscribe" | "unsubscribe", count: number) {
  const second = first === "subscribe" ? "unsubscribe" : "subscribe";
  return Array.from({ length: count }, (_, at) => at % 2 ? second : first);
}

/** Makes all calls at once and waits for all of them; those that were overtaken may end as they like. */
async function callAll(
  stage: Stage,
  node: StageNode,
  calls: readonly string[],
): Promise<void> {
  const ends = calls.map((call) =>
    call === "subscribe"
      ? node.adapter.subscribe("c")
      : node.adapter.unsubscribe("c")
  );
  await within(
    Promise.allSettled(ends),
    stage.patienceMs,
    `the end of all of ${calls.length} calls`,
  );
}

/**
 * Checks that a node hears nothing more on channel `c`: what is published now must not have come when something later
 * has, once it listens again.
 */
async function isDeaf(
  stage: Stage,
  from: StageNode,
  listener: StageNode,
  before = 0,
): Promise<void> {
  const witness = await stage.node();
  await stage.tune("c", from, witness);
  from.publish("c", "after");
  await witness.gets("c", "after");
  await stage.tune("c", from, listener);
  from.publish("c", "end");
  await listener.gets("c", "end");
  assertSame(
    listener.got("c").slice(before),
    ["end"],
    "what came after unsubscribe",
  );
}
