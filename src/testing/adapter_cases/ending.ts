/**
 * Cases about A8, A9 and A10: the end, other namespaces, and many channels.
 *
 * @module
 */
import type { AdapterCase } from "../adapter_subject.ts";
import { assert, assertRejects, assertSame, within } from "../assert.ts";
import { defineCase } from "../stage.ts";

/** The cases. */
export const ending: readonly AdapterCase[] = [
  defineCase(
    "A8",
    "close resolves, and gives the same promise twice",
    async (stage) => {
      const [node, other] = await stage.nodes(2);
      await stage.tune("c", other, node);
      const first = node.adapter.close();
      const second = node.adapter.close();
      assert(first === second, "the second promise is another one");
      await within(first, stage.patienceMs, "close");
      assert(node.adapter.close() === first, "the third promise is another");
    },
  ),
  defineCase(
    "A8",
    "close resolves where nothing was subscribed or published",
    async (stage) => {
      const node = await stage.node();
      await within(node.adapter.close(), stage.patienceMs, "close");
    },
  ),
  defineCase(
    "A8",
    "what was published before close still leaves",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      const numbers = Array.from({ length: 30 }, (_, at) => `${at}`);
      from.publish("c", ...numbers);
      const closed = from.adapter.close();
      await listener.gets("c", "29");
      assertSame(listener.got("c"), numbers, "what came");
      await within(closed, stage.patienceMs, "close");
    },
  ),
  defineCase("A8", "nothing arrives after close", async (stage) => {
    const [from, listener, witness] = await stage.nodes(3);
    await stage.tune("c", from, listener, witness);
    await within(listener.adapter.close(), stage.patienceMs, "close");
    const before = listener.host.count;
    from.publish("c", "1", "2");
    await witness.gets("c", "2");
    from.publish("c", "3");
    await witness.gets("c", "3");
    assert(
      listener.host.count === before,
      `${listener.host.count - before} payloads came after close`,
    );
  }),
  defineCase(
    "A8",
    "after close subscribe rejects, and unsubscribe and publish do nothing",
    async (stage) => {
      const [node, listener] = await stage.nodes(2);
      await stage.tune("c", node, listener);
      const closed = node.adapter.close();
      for (const when of ["during close", "after close"]) {
        await assertRejects(
          node.adapter.subscribe("c"),
          "UNAVAILABLE",
          stage.patienceMs,
          `subscribe ${when}`,
        );
        await node.unsubscribe("c");
        await within(closed, stage.patienceMs, "close");
      }
      node.publish("c", "x");
      const other = await stage.node();
      await stage.hear("c", other, listener);
      assertSame(listener.got("c"), [], "what came of a closed node");
    },
  ),
  defineCase(
    "A8",
    "a subscribe that is under way at close settles",
    async (stage) => {
      const node = await stage.node();
      const attempts = [
        node.adapter.subscribe("c"),
        node.adapter.subscribe("d"),
      ];
      const closed = node.adapter.close();
      await within(
        Promise.allSettled([...attempts, closed]),
        stage.patienceMs,
        "the end of all",
      );
    },
  ),
  defineCase(
    "A8",
    "close resolves in bounded time while the broker is away",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      await stage.tune("c", from, listener);
      await stage.begin(listener);
      from.publish("c", "x");
      const ends = [from, listener].map(({ adapter }) => adapter.close());
      await within(Promise.all(ends), stage.patienceMs, "close");
    },
    "outage",
  ),

  defineCase(
    "A9",
    "two namespaces on one broker never meet",
    async (stage) => {
      const here = [await stage.node("-x"), await stage.node("-x")] as const;
      const there = [await stage.node("-xy"), await stage.node("-xy")] as const;
      // Written after each other without a separator, these names would be the same: -x + yc and -xy + c.
      const channels = ["c", "yc"];
      for (const channel of channels) {
        await stage.tune(channel, here[0], here[1]);
        await stage.tune(channel, there[0], there[1]);
      }
      for (const channel of channels) {
        here[0].publish(channel, "here");
        await here[1].gets(channel, "here");
        there[0].publish(channel, "there");
        await there[1].gets(channel, "there");
        here[0].publish(channel, "end");
        await here[1].gets(channel, "end");
      }
      for (const channel of channels) {
        assertSame(here[1].got(channel), ["here", "end"], "what came here");
        assertSame(there[1].got(channel), ["there"], "what came there");
      }
    },
  ),

  defineCase(
    "A10",
    "ten thousand channels are subscribed, heard and left in bounded time",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      const channels = Array.from({ length: 10_000 }, (_, at) => `c${at}`);
      const samples = channels.filter((_, at) => at % 250 === 0);
      const all = (call: (channel: string) => Promise<void>, what: string) =>
        within(
          Promise.all(channels.map(call)),
          5 * stage.patienceMs,
          `${what} of 10 000 channels`,
        );
      await all((it) => listener.adapter.subscribe(it), "subscribe");
      await stage.hear("c0", from, listener);
      await stage.hear("c9999", from, listener);
      for (const sample of samples) from.publish(sample, sample);
      for (const sample of samples) await listener.gets(sample, sample);
      await all((it) => listener.adapter.unsubscribe(it), "unsubscribe");
    },
  ),
];
