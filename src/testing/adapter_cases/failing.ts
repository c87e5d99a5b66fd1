/**
 * Cases about A5 and A7: a broker that goes away and comes back.
 *
 * @module
 */
import type { AdapterCase } from "../adapter_subject.ts";
import { assert, assertRejects, assertSame } from "../assert.ts";
import { defineCase } from "../stage.ts";

/** The cases. */
export const failing: readonly AdapterCase[] = [
  defineCase(
    "A5",
    "a subscribe while the broker is away rejects UNAVAILABLE in bounded time",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.begin(listener);
      await assertRejects(
        listener.adapter.subscribe("new"),
        "UNAVAILABLE",
        stage.patienceMs,
        "subscribe",
      );
    },
    "outage",
  ),
  defineCase(
    "A5",
    "concurrent callers of a subscribe that fails are all told",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.begin(listener);
      await Promise.all(Array.from({ length: 20 }, () =>
        assertRejects(
          listener.adapter.subscribe("new"),
          "UNAVAILABLE",
          stage.patienceMs,
          "one of 20 concurrent subscribes",
        )));
    },
    "outage",
  ),
  defineCase(
    "A5",
    "a failed subscribe leaves no trace: nothing arrives, and the next one is live",
    async (stage) => {
      const [from, listener, witness] = await stage.nodes(3);
      await stage.tune("c", from, listener, witness);
      await stage.tune("c", listener, from);
      await stage.begin(from, listener, witness);
      await Promise.allSettled([
        listener.subscribe("new"),
        listener.subscribe("new"),
      ]);
      await stage.end(from, listener, witness);
      await stage.tune("new", from, witness);
      from.publish("new", "before");
      await witness.gets("new", "before");
      await stage.tune("new", from, listener);
      from.publish("new", "after");
      await listener.gets("new", "after");
      assertSame(listener.got("new"), ["after"], "what came");
    },
    "outage",
  ),

  defineCase(
    "A7",
    "an outage is told, and after it every subscription is live again",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      const channels = ["a", "b", "c"];
      for (const channel of channels) {
        await stage.tune(channel, from, listener);
        await stage.tune(channel, listener, from);
      }
      for (const round of ["1", "2"]) {
        await stage.begin(from, listener);
        await stage.end(from, listener);
        for (const channel of channels) {
          from.publish(channel, `from ${round}`);
          listener.publish(channel, `to ${round}`);
        }
        for (const channel of channels) {
          await listener.gets(channel, `from ${round}`);
          await from.gets(channel, `to ${round}`);
        }
      }
    },
    "outage",
  ),
  defineCase(
    "A7",
    "what was asked for during an outage is live after it, when asked for again",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.tune("c", listener, from);
      await stage.begin(from, listener);
      await Promise.allSettled([listener.subscribe("new")]);
      await stage.end(from, listener);
      await stage.tune("new", from, listener);
    },
    "outage",
  ),
  defineCase(
    "A7",
    "an unsubscribe during an outage resolves, and holds after it",
    async (stage) => {
      const [from, listener, witness] = await stage.nodes(3);
      await stage.tune("c", from, listener, witness);
      await stage.tune("d", from, listener);
      await stage.tune("d", listener, from);
      await stage.begin(from, listener, witness);
      await listener.unsubscribe("c");
      await stage.end(from, listener, witness);
      const before = listener.got("c").length;
      from.publish("c", "after");
      await witness.gets("c", "after");
      await stage.tune("c", from, listener);
      from.publish("c", "end");
      await listener.gets("c", "end");
      assertSame(listener.got("c").slice(before), ["end"], "what came");
    },
    "outage",
  ),
  defineCase(
    "A7",
    "a publish during an outage does not throw, and is counted as lost or comes late",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.tune("c", listener, from);
      await stage.begin(from, listener);
      const lost = from.host.droppedCount; // of probes, and of nothing else
      const numbers = Array.from({ length: 20 }, (_, at) => `late ${at}`);
      from.publish("c", ...numbers);
      await stage.end(from, listener);
      from.publish("c", "end");
      await listener.gets("c", "end");
      const missing = () =>
        numbers.length - new Set(listener.got("c")).size + 1; // "end" is none of them
      await from.host.until(
        `the counting of ${missing()} lost payloads`,
        stage.patienceMs,
        () => from.host.droppedCount - lost >= missing(),
      );
      assert(from.host.errors.length <= 20, "an error a payload, or more");
    },
    "outage",
  ),
  defineCase(
    "A7",
    "an adapter that is opened during an outage works after it",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.begin(listener);
      const late = await stage.node();
      await Promise.allSettled([late.subscribe("c")]);
      await stage.end(listener);
      await late.turns("up");
      await stage.tune("c", from, late);
    },
    "outage",
  ),
];
