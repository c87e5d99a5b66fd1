/**
 * Cases about A3, A4 and A6: order, content, and listeners that throw.
 *
 * @module
 */
import type { AdapterCase } from "../adapter_subject.ts";
import { assert, assertSame } from "../assert.ts";
import { defineCase } from "../stage.ts";
import { NAMES, TEXTS } from "./texts.ts";

/** The cases. */
export const carrying: readonly AdapterCase[] = [
  defineCase(
    "A3",
    "1 000 payloads of one turn arrive once and in order, at every node",
    async (stage) => {
      const [from, first, second] = await stage.nodes(3);
      await stage.tune("c", from, first, second);
      const numbers = count(1_000);
      from.publish("c", ...numbers);
      for (const listener of [first, second]) {
        await listener.gets("c", "999");
        assertSame(listener.got("c"), numbers, "what came");
      }
    },
  ),
  defineCase(
    "A3",
    "payloads of several turns, channels and nodes, interleaved, keep the order of each node and channel",
    async (stage) => {
      const [first, second, listener] = await stage.nodes(3);
      const channels = ["a", "b", "c", "d"];
      for (const channel of channels) {
        await stage.tune(channel, first, listener);
        await stage.hear(channel, second, listener);
      }
      for (const number of count(250)) {
        for (const channel of channels) {
          first.publish(channel, `first ${number}`);
          second.publish(channel, `second ${number}`);
        }
        if (Number(number) % 50 === 0) await undefined;
        if (Number(number) % 100 === 0) await new Promise((r) => setTimeout(r));
      }
      for (const channel of channels) {
        for (const node of ["first", "second"]) {
          await listener.gets(channel, `${node} 249`);
          assertSame(
            listener.got(channel).filter((it) => it.startsWith(node)),
            count(250).map((number) => `${node} ${number}`),
            `what came from the ${node} node on ${channel}`,
          );
        }
      }
    },
  ),
  defineCase(
    "A3",
    "a node's own payloads come back once and in order, or not at all",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await stage.tune("c", from, other);
      await stage.tune("c", other, from);
      from.publish("c", ...count(50));
      await other.gets("c", "49");
      other.publish("c", "end");
      await from.gets("c", "end");
      const own = from.got("c").filter((it) => it !== "end");
      if (own.length > 0) {
        await from.gets("c", "49");
        assertSame(
          from.got("c").filter((it) => it !== "end"),
          count(50),
          "what came back",
        );
      }
    },
  ),

  defineCase(
    "A4",
    "limits allow a payload of 1 MiB + 8 KiB",
    async (stage) => {
      const { maxPayloadBytes } = (await stage.node()).adapter.limits;
      assert(
        Number.isSafeInteger(maxPayloadBytes) &&
          maxPayloadBytes >= 1_048_576 + 8_192,
        `maxPayloadBytes is ${maxPayloadBytes}, must be at least 1056768`,
      );
    },
  ),
  carry("an empty payload", () => ""),
  carry("a payload of exactly the maximum", (max) => "x".repeat(max)),
  carry(
    "a payload of exactly the maximum, of characters of three bytes",
    (max) => "漢".repeat(Math.floor(max / 3)) + "x".repeat(max % 3),
  ),
  carry("a payload of a megabyte of line feeds", () => "\n".repeat(1_048_576)),
  ...Object.entries(TEXTS).map(([kind, text]) =>
    carry(`a payload that is or has ${kind}`, () => text)
  ),
  ...Object.entries({ ...TEXTS, ...NAMES }).map(([kind, text]) =>
    defineCase(
      "A4",
      `a channel whose name is or has ${kind} is one like any other`,
      async (stage) => {
        const [from, listener] = await stage.nodes(2);
        await stage.tune(text, from, listener);
        from.publish(text, "x", "y");
        await listener.gets(text, "y");
        assertSame(listener.got(text), ["x", "y"], "what came");
      },
    )
  ),
  defineCase(
    "A4",
    "channels of similar names are different ones",
    async (stage) => {
      const [from, listener] = await stage.nodes(2);
      const names = ["a", "A", "a ", " a", "a*", "?", "a\0", "a\n", "a%", "á"];
      const subscribed = names.filter((_, at) => at % 2 === 0);
      for (const name of subscribed) await stage.tune(name, from, listener);
      for (const name of names) from.publish(name, name);
      for (const name of subscribed) {
        from.publish(name, "end");
        await listener.gets(name, "end");
      }
      for (const name of names) {
        const expected = subscribed.includes(name) ? [name, "end"] : [];
        assertSame(
          listener.got(name),
          expected,
          `what came on ${JSON.stringify(name)}`,
        );
      }
    },
  ),

  defineCase(
    "A6",
    "a host.message that throws hurts nobody, and its error comes out at host.error",
    async (stage) => {
      const [from, thrower, other] = await stage.nodes(3);
      for (const channel of ["c", "d"]) {
        await stage.tune(channel, from, thrower, other);
      }
      const error = new Error("thrown by a host on purpose");
      thrower.host.onMessage = (_channel, payload) => {
        if (payload === "bad") throw error;
      };
      from.publish("c", "1", "bad", "2");
      from.publish("d", "3", "bad", "4");
      for (const node of [thrower, other]) {
        await node.gets("c", "2");
        await node.gets("d", "4");
        assertSame(node.got("c"), ["1", "bad", "2"], "what came on c");
        assertSame(node.got("d"), ["3", "bad", "4"], "what came on d");
      }
      await thrower.host.until(
        "the thrown error at host.error, twice",
        stage.patienceMs,
        () => thrower.host.errors.filter((it) => it === error).length === 2,
      );
      assert(other.host.errors.length === 0, "another host was told of it");
      from.publish("c", "5");
      await thrower.gets("c", "5");
    },
  ),
];

function count(to: number): string[] {
  return Array.from({ length: to }, (_, at) => `${at}`);
}

function carry(
  what: string,
  payload: (maxPayloadBytes: number) => string,
): AdapterCase {
  return defineCase("A4", `${what} arrives unchanged`, async (stage) => {
    const [from, listener] = await stage.nodes(2);
    await stage.tune("c", from, listener);
    const text = payload(from.adapter.limits.maxPayloadBytes);
    from.publish("c", text, "end");
    await listener.gets("c", "end");
    assertSame(listener.got("c"), [text, "end"], "what came");
  });
}
