/**
 * Cases about L1 to L10: the logs of kept topics.
 *
 * @module
 */
import type {
  Appended,
  AppendOptions,
  LogEntry,
  LogRead,
  LogStore,
} from "../../seams/log.ts";
import {
  formatPosition,
  parsePosition,
  type Position,
  type PositionParts,
} from "../../wire/position.ts";
import type { AdapterCase, AdapterPromise } from "../adapter_subject.ts";
import { assert, assertRejects, assertSame, pause, within } from "../assert.ts";
import { defineCase, type Stage, type StageNode } from "../stage.ts";
import { NAMES, TEXTS } from "./texts.ts";

const KEEP: AppendOptions = { last: 1_000, forMs: 600_000 };
/** The shortest time that a message may be kept. */
const SHORT_MS = 1_000;
/** How many messages more than `last` a log may hold: brokers trim in blocks. */
const SLACK = 200;

/** The cases. */
export const log: readonly AdapterCase[] = [
  logCase(
    "L1",
    "what several nodes append at the same time stands in one order, which all are pushed and read",
    async (stage) => {
      const nodes = await stage.nodes(3);
      await Promise.all(nodes.map((node) => node.subscribe("c")));
      const start = await read(stage, nodes[0]);
      const kept = await Promise.all(
        Array.from(
          { length: 40 },
          (_, n) => nodes.map((node, at) => append(stage, node, `${at} ${n}`)),
        ).flat(),
      );
      for (const node of nodes) await pushed(stage, node, 120);
      const [first] = nodes;
      const inOrder = first.host.pushed("c");
      contiguous(inOrder, start.head);
      for (const node of nodes) {
        assertSame(
          node.host.pushed("c").map(show),
          inOrder.map(show),
          "what was pushed",
        );
        const all = await readOn(stage, node, start.head, 7);
        assertSame(all.map(show), inOrder.map(show), "what was read");
      }
      assertSame(
        kept.map(({ position }) => position).sort(),
        inOrder.map(({ position }) => position),
        "what append answered",
      );
      for (const at of nodes.keys()) {
        assertSame(
          inOrder.map(({ payload }) => payload)
            .filter((it) => it.startsWith(`${at} `)),
          Array.from({ length: 40 }, (_, n) => `${at} ${n}`),
          "what one node appended",
        );
      }
    },
  ),
  logCase(
    "L1",
    "what one node appends to many logs at once stands in the order of the calls in each",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const channels = ["a", "b", "c", "d"];
      const before = await Promise.all(
        channels.map((it) => read(stage, from, undefined, 100, it)),
      );
      await Promise.all(
        Array.from(
          { length: 100 },
          (_, n) => append(stage, from, `${n}`, KEEP, channels[n % 4]),
        ),
      );
      for (const [at, channel] of channels.entries()) {
        const entries = await readOn(
          stage,
          other,
          before[at]?.head,
          100,
          channel,
        );
        assertSame(
          entries.map(({ payload }) => payload),
          Array.from({ length: 25 }, (_, n) => `${n * 4 + at}`),
          `the log of ${channel}`,
        );
      }
    },
  ),
  logCase(
    "L2",
    "no message falls between a subscribe and the read after it",
    async (stage) => {
      const [from, ...joining] = await stage.nodes(4);
      await append(stage, from, "first");
      let over = false;
      const writing = (async () => {
        let last: Position = "";
        for (let n = 0; !over || n < 20; n++) {
          ({ position: last } = await append(stage, from, `${n}`));
        }
        return last;
      })();
      const heads: (readonly [StageNode, Position])[] = [];
      try {
        for (const node of joining) {
          await node.subscribe("c");
          const { head } = await read(stage, node, undefined, 1);
          heads.push([node, head]);
        }
      } finally {
        over = true;
      }
      const last = await writing;
      for (const [node, head] of heads) {
        await node.host.until(
          "the push of the last message",
          stage.patienceMs,
          () => node.host.pushed("c").at(-1)?.position === last,
        );
        const { n } = parts(head);
        contiguous(
          node.host.pushed("c").filter((it) => parts(it.position).n > n),
          head,
        );
      }
    },
  ),
  logCase(
    "L3",
    "a node is pushed each message once and in order, its own included, and only on channels that it subscribed to",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const { head } = await read(stage, from);
      await Promise.all([from, other].map((node) => node.subscribe("c")));
      for (let n = 0; n < 30; n++) {
        void append(stage, from, `${n}`);
        void append(stage, from, `${n}`, KEEP, "d");
      }
      await append(stage, from, "end", KEEP, "d");
      await append(stage, from, "end");
      for (const node of [from, other]) {
        await pushed(stage, node, 31);
        contiguous(node.host.pushed("c"), head);
        assert(node.host.pushed("d").length === 0, "a channel of nobody's");
      }
      await other.unsubscribe("c");
      await append(stage, from, "after");
      await pushed(stage, from, 32);
      assert(other.host.pushed("c").length === 31, "it was unsubscribed");
    },
  ),
  logCase(
    "L4",
    "a read after a position has all that follows, and nothing after the newest",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const empty = await read(stage, other);
      assert(empty.whole && empty.entries.length === 0, "an empty log");
      const again = await read(stage, from, empty.head);
      assert(again.whole && again.head === empty.head, "an empty log, again");
      const texts = Array.from({ length: 10 }, (_, n) => `${n}`);
      const kept: Position[] = [empty.head];
      for (const text of texts) {
        kept.push((await append(stage, from, text)).position);
      }
      for (const [at, position] of kept.entries()) {
        const { whole, entries, head } = await read(stage, other, position);
        assert(whole, `after message ${at} of 10 it is not whole`);
        assert(head === kept.at(-1), `the head is ${head}`);
        assertSame(
          entries.map(({ payload }) => payload),
          texts.slice(at),
          `what follows message ${at}`,
        );
      }
      const some = await read(stage, other, kept[2], 3);
      assertSame(
        some.entries.map(({ payload }) => payload),
        ["2", "3", "4"].slice(0, some.entries.length),
        "a page",
      );
      assert(some.entries.length > 0, "a page is empty");
      const newest = await read(stage, other, undefined, 2);
      assertSame(
        newest.entries.map(show),
        [[kept[9], "8"].join(), [kept[10], "9"].join()],
        "the newest",
      );
    },
  ),
  logCase(
    "L4",
    "a position whose followers were trimmed is not whole, and the newest messages are all there",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const kept = await Promise.all(
        Array.from(
          { length: 300 },
          (_, n) => append(stage, from, `${n}`, { ...KEEP, last: 5 }),
        ),
      );
      const [old] = kept;
      const missed = await read(stage, other, old?.position);
      assert(!missed.whole, "after a message that was trimmed it is whole");
      assert(missed.entries.length === 0, "it has messages");
      const { whole, entries } = await read(
        stage,
        other,
        kept[294]?.position,
        100,
      );
      assert(whole, "after exactly as many as are kept it is not whole");
      assertSame(
        entries.map(({ payload }) => payload),
        ["295", "296", "297", "298", "299"],
        "the newest",
      );
    },
  ),
  logCase(
    "L4",
    "with one message kept, the position before the newest is whole",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      let { head } = await read(stage, other);
      for (let n = 0; n < 30; n++) {
        const { position } = await append(stage, from, `${n}`, {
          ...KEEP,
          last: 1,
        });
        const { whole, entries } = await read(stage, other, head, 10);
        assert(whole, `after message ${n} it is not whole`);
        assertSame(entries.map(show), [`${position},${n}`], "the last value");
        head = position;
      }
    },
  ),
  logCase(
    "L4",
    "a position whose followers have expired is not whole; the newest one stays good",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const short = { ...KEEP, forMs: SHORT_MS };
      const a = await append(stage, from, "a", short);
      const b = await append(stage, from, "b", short);
      await expire(
        stage,
        async () => !(await read(stage, other, a.position)).whole,
      );
      const quiet = await read(stage, other, b.position);
      assert(quiet.whole, "where nothing was missed it is not whole");
      assert(quiet.head === b.position, "the head is another one");
      const c = await append(stage, from, "c");
      const after = await read(stage, other, b.position);
      assert(after.whole, "after a message that expired it is not whole");
      assertSame(after.entries.map(show), [`${c.position},c`], "what follows");
    },
  ),
  logCase(
    "L4",
    "a position of another log, of another epoch, from the future or with another tag is not whole",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const foreign = await append(stage, from, "x", KEEP, "d");
      await append(stage, from, "1");
      const { position } = await append(stage, from, "2");
      const { epoch, n, tag } = parts(position);
      for (
        const wrong of [
          ...[foreign.position, "", "0", "x".repeat(256), "0-0", "+", "-"],
          formatPosition(epoch, n + 1, tag),
          formatPosition(epoch, n, `${tag}x`),
          formatPosition(`${epoch}0`, n, tag),
          formatPosition("0", n, tag),
          formatPosition(epoch, 999_999_999_999, tag),
        ]
      ) {
        const found = await read(stage, other, wrong);
        assert(!found.whole, `after ${wrong} it is whole`);
        assert(found.entries.length === 0, `after ${wrong} there are messages`);
        assert(found.head === position, `the head is ${found.head}`);
      }
    },
  ),
  logCase(
    "L4",
    "positions are short texts of plain characters that sort in the order of the log",
    async (stage) => {
      const from = await stage.node();
      const kept = await Promise.all(
        Array.from({ length: 120 }, (_, n) => append(stage, from, `${n}`)),
      );
      const texts = kept.map(({ position }) => position);
      assertSame([...texts].sort(), texts, "sorted");
      for (const text of texts) {
        assert(/^[\w.-]{1,256}$/.test(text), `${text} has other characters`);
        parts(text);
      }
      const tags = new Set(texts.map((text) => parts(text).tag));
      assert(tags.size === texts.length, "two messages share a tag");
    },
  ),
  logCase(
    "L5",
    "a log that was flushed begins another epoch, and no position of before is whole",
    async (stage, subject) => {
      const [from, other] = await stage.nodes(2);
      await other.subscribe("c");
      const a = await append(stage, from, "a");
      await pushed(stage, other, 1);
      await subject.flush?.();
      const missed = await read(stage, other, a.position);
      assert(!missed.whole, "an empty log continues");
      assert(parts(missed.head).epoch !== parts(a.position).epoch, "the epoch");
      await subject.flush?.();
      const b = await append(stage, from, "b");
      assert(parts(b.position).epoch !== parts(a.position).epoch, "the epoch");
      const after = await read(stage, other, a.position);
      assert(!after.whole, "a new log continues the old one");
      await pushed(stage, other, 2);
      assertSame(
        other.host.pushed("c").map(show),
        [`${a.position},a`, `${b.position},b`],
        "what was pushed",
      );
    },
    "flush",
  ),
  logCase(
    "L5",
    "a broker that was restarted with an older state begins another epoch, also where nothing was appended since",
    async (stage, subject) => {
      const [from, other] = await stage.nodes(2);
      await other.subscribe("c");
      const kept = [await append(stage, from, "kept")];
      await subject.rollback?.save();
      kept.push(await append(stage, from, "lost"));
      const untouched = await append(stage, from, "kept", KEEP, "d");
      await subject.rollback?.restore();
      const state = async (
        position: Position | undefined,
        channel: string,
      ) => {
        const deadline = Date.now() + stage.patienceMs;
        while (true) {
          try {
            return await read(stage, other, position, 10, channel);
          } catch (error) {
            if (Date.now() > deadline) throw error;
            await pause(50); // it may not be connected yet
          }
        }
      };
      const before = await state(kept[0]?.position, "c");
      assert(!before.whole, "what is left is taken for all");
      const there = await state(untouched.position, "d");
      assert(!there.whole, "a log that was lost continues");
      const next = await append(stage, from, "next");
      for (const { position } of kept) {
        assert(
          parts(next.position).epoch !== parts(position).epoch,
          "the epoch goes on",
        );
        const { whole } = await read(stage, other, position);
        assert(!whole, "it goes on where messages were lost");
      }
    },
    "rollback",
  ),
  logCase(
    "L5",
    "a message after one that was not kept begins another epoch",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await stage.tune("c", from, other);
      await stage.tune("c", other, from);
      const a = await append(stage, from, "a");
      await stage.begin(from, other);
      const lost = await settled(stage, from, "lost");
      assert(lost.kept !== true, "it was kept during the outage");
      await stage.end(from, other);
      const b = await append(stage, from, "b");
      assert(parts(a.position).epoch !== parts(b.position).epoch, "the epoch");
      const { whole } = await read(stage, other, a.position);
      assert(!whole, "nothing tells of the message that was not kept");
      const c = await append(stage, from, "c");
      assert(parts(c.position).epoch === parts(b.position).epoch, "the epoch");
    },
    "outage",
  ),
  logCase(
    "L5",
    "after an outage a read is whole with nothing missing, or not whole",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await stage.tune("c", from, other);
      await stage.tune("c", other, from);
      const a = await append(stage, from, "a");
      const b = await append(stage, from, "b");
      const losses = other.host.losses.length;
      await stage.begin(from, other);
      await stage.end(from, other);
      await other.host.until(
        "lost()",
        stage.patienceMs,
        () => other.host.losses.length > losses,
      );
      const c = await append(stage, from, "c");
      const { whole, entries } = await read(stage, other, a.position);
      const same = parts(c.position).epoch === parts(a.position).epoch;
      assert(whole === same, `whole: ${whole}, though the epoch shows other`);
      const expected = whole ? [`${b.position},b`, `${c.position},c`] : [];
      assertSame(entries.map(show), expected, "what follows");
      await pushedOf(stage, other, c.position);
    },
    "outage",
  ),
  logCase(
    "L6",
    "an id is stored once while its message is kept, whichever node repeats it",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await other.subscribe("c");
      const options = { ...KEEP, id: 'an id, {"odd":1}' };
      const first = await append(stage, from, "first", options);
      assert(!first.repeated, "the first is a repetition");
      const [again, elsewhere] = await Promise.all([
        append(stage, from, "again", options),
        append(stage, other, "elsewhere", options),
      ]);
      for (const it of [again, elsewhere]) {
        assert(it.repeated, "it is no repetition");
        assert(it.position === first.position, "it has another position");
      }
      const many = await Promise.all(
        Array.from(
          { length: 20 },
          (_, n) =>
            append(stage, n % 2 ? from : other, `${n}`, {
              ...KEEP,
              id: "many",
            }),
        ),
      );
      assert(
        many.filter(({ repeated }) => !repeated).length === 1,
        "an id that came 20 times at once was not stored once",
      );
      const apart = await append(stage, from, "x", options, "d");
      assert(!apart.repeated, "an id of another log");
      const end = await append(stage, from, "end");
      await pushedOf(stage, other, end.position);
      const { entries } = await read(stage, other, first.position);
      assertSame(
        other.host.pushed("c").slice(1).map(show),
        entries.map(show),
        "what was pushed",
      );
      assert(entries.length === 2, `${entries.length} messages follow`);
    },
  ),
  logCase(
    "L6",
    "an id is free again when its message has expired",
    async (stage) => {
      const from = await stage.node();
      const options = { ...KEEP, forMs: SHORT_MS, id: "a" };
      const first = await append(stage, from, "first", options);
      await expire(
        stage,
        async () => (await read(stage, from)).entries.length === 0,
      );
      await pause(50); // what stands for the id may go a little later
      const second = await append(stage, from, "second", options);
      assert(!second.repeated, "it is a repetition");
      assert(second.position !== first.position, "it has the same position");
    },
  ),
  logCase(
    "L6",
    "messages whose replies are lost are stored once, in order, and told as kept or unknown",
    async (stage, subject) => {
      const [from, other] = await stage.nodes(2);
      const { head } = await read(stage, from);
      await append(stage, from, "before");
      await subject.lostReplies?.begin();
      const sent = Array.from(
        { length: 20 },
        (_, n) => storeOf(from).append("c", `${n}`, KEEP),
      );
      await pause(stage.patienceMs / 20); // so that they are carried out
      await subject.lostReplies?.end();
      const outcomes = await within(
        Promise.all(sent),
        2 * stage.patienceMs,
        "all appends",
      );
      await append(stage, from, "after");
      const { entries } = await read(stage, other, undefined, 100);
      const found = entries.map(({ payload }) => payload);
      assert(new Set(found).size === found.length, `twice: ${found.join()}`);
      assertSame(
        found.filter((it) => /^\d+$/.test(it)),
        found.filter((it) => /^\d+$/.test(it))
          .sort((a, b) => Number(a) - Number(b)),
        "the order",
      );
      for (const [n, { kept }] of outcomes.entries()) {
        const there = found.includes(`${n}`);
        assert(
          kept === "unknown" || kept === there,
          `message ${n} is said to be ${kept}, and is ${there}`,
        );
      }
      const lost = outcomes.some(({ kept }) => kept !== true);
      const { whole } = await read(stage, other, head, 100);
      assert(!(lost && whole), "nothing tells of those that are not kept");
    },
    "lostReplies",
  ),
  logCase(
    "L7",
    "an append during an outage settles in bounded time, and none throws",
    async (stage) => {
      const from = await stage.node();
      await stage.tune("c", from, await stage.node());
      await append(stage, from, "a");
      await stage.begin();
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, n) => settled(stage, from, `${n}`)),
      );
      assert(outcomes.every(({ kept }) => kept !== true), "one is kept");
      await assertRejects(
        storeOf(from).read("c", undefined, 1),
        "UNAVAILABLE",
        stage.patienceMs,
        "read",
      );
    },
    "outage",
  ),
  logCase(
    "L7",
    "after close nothing is kept, and a read rejects",
    async (stage) => {
      const from = await stage.node();
      await append(stage, from, "a");
      const last = settled(stage, from, "b");
      await within(from.adapter.close(), stage.patienceMs, "close");
      await last;
      const { kept } = await settled(stage, from, "c");
      assert(kept === false, `it is said to be ${kept}`);
      await assertRejects(
        storeOf(from).read("c", undefined, 1),
        "UNAVAILABLE",
        stage.patienceMs,
        "read",
      );
    },
  ),
  logCase(
    "L8",
    "payloads of any characters are pushed and read unchanged",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await other.subscribe("c");
      const { head } = await read(stage, from);
      const texts = ["", ...Object.values(TEXTS), ...ODD];
      for (const text of texts) void append(stage, from, text);
      await append(stage, from, "end");
      const all = [...texts, "end"];
      await pushed(stage, other, all.length);
      assertSame(
        other.host.pushed("c").map(({ payload }) => payload),
        all,
        "what was pushed",
      );
      const entries = await readOn(stage, other, head, 100);
      assertSame(entries.map(({ payload }) => payload), all, "what was read");
    },
  ),
  logCase(
    "L8",
    "a payload of exactly the maximum is pushed and read unchanged",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await other.subscribe("c");
      const { head } = await read(stage, from);
      const { maxPayloadBytes } = from.adapter.limits;
      const texts = [
        "x".repeat(maxPayloadBytes),
        "漢".repeat(Math.floor(maxPayloadBytes / 3)),
        "\n".repeat(maxPayloadBytes),
      ];
      for (const text of texts) void append(stage, from, text);
      await append(stage, from, "end");
      await pushed(stage, other, 4);
      for (
        const entries of [
          other.host.pushed("c"),
          await readOn(stage, other, head, 100),
        ]
      ) {
        assert(
          entries.every(({ payload }, at) => payload === [...texts, "end"][at]),
          "a payload is not what was appended",
        );
      }
    },
  ),
  logCase(
    "L8",
    "a log has the name of its channel, whatever characters that has",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      const names = new Set(
        [...Object.values(TEXTS), ...Object.values(NAMES), ...ODD],
      );
      for (const name of names) {
        await other.subscribe(name);
        await append(stage, from, name, KEEP, name);
        await pushed(stage, other, 1, name);
        const { entries } = await read(stage, other, undefined, 10, name);
        assertSame(
          [...other.host.pushed(name), ...entries].map((it) => it.payload),
          [name, name],
          JSON.stringify(name),
        );
      }
    },
  ),
  logCase(
    "L8",
    "what is published on a channel and what is appended to its log do not mix",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await stage.tune("c", from, other);
      for (const text of [...ODD, "text"]) {
        from.publish("c", text);
        await append(stage, from, `log ${text}`);
      }
      from.publish("c", "end");
      await other.gets("c", "end");
      await pushed(stage, other, ODD.length + 1);
      assertSame(other.got("c"), [...ODD, "text", "end"], "what was published");
      assertSame(
        other.host.pushed("c").map(({ payload }) => payload),
        [...ODD, "text"].map((it) => `log ${it}`),
        "what was appended",
      );
    },
  ),
  logCase(
    "L9",
    "logs of two namespaces never meet",
    async (stage) => {
      const [from, here] = await stage.nodes(2);
      const there = await stage.node("-other");
      await Promise.all([here, there].map((node) => node.subscribe("c")));
      const options = { ...KEEP, id: "same" };
      const a = await append(stage, from, "here", options);
      const b = await append(stage, there, "there", options);
      assert(!b.repeated, "an id crossed");
      await pushed(stage, here, 1);
      await pushed(stage, there, 1);
      for (const [node, text] of [[here, "here"], [there, "there"]] as const) {
        assertSame(
          node.host.pushed("c").map(({ payload }) => payload),
          [text],
          "what was pushed",
        );
        const { entries } = await read(stage, node);
        assertSame(entries.map(({ payload }) => payload), [text], "the log");
      }
      const { whole } = await read(stage, there, a.position);
      assert(!whole, "a position of another namespace is whole");
    },
  ),
  logCase(
    "L10",
    "a log holds little more messages than it keeps",
    async (stage) => {
      const [from, other] = await stage.nodes(2);
      await Promise.all(
        Array.from(
          { length: 600 },
          (_, n) => append(stage, from, `${n}`, { ...KEEP, last: 10 }),
        ),
      );
      const { entries } = await read(stage, other, undefined, 10_000);
      assert(
        entries.length >= 10 && entries.length <= 10 + SLACK,
        `it holds ${entries.length} messages`,
      );
    },
  ),
  logCase(
    "L10",
    "a message that has expired is read no more, and those that have not are",
    async (stage) => {
      const from = await stage.node();
      await append(stage, from, "short", { ...KEEP, forMs: SHORT_MS });
      await append(stage, from, "long");
      await expire(stage, async () => {
        const { entries } = await read(stage, from);
        return entries.map(({ payload }) => payload).join() === "long";
      });
    },
  ),
];

/** Payloads and names that a broker or an adapter might take for its own. */
const ODD = [
  ...["\x01", "\x02", "\x01\x01x", "\x02\x02", "\0", "\x01a\n1", "0-1", "*"],
  ...["a b\nc", "é漢🙂", '{"a":1}', "1e3", "null", "[]", "{x}y{z}", "AAECAw=="],
];

function logCase(
  promise: AdapterPromise,
  name: string,
  play: Parameters<typeof defineCase>[2],
  ...needs: ("outage" | "flush" | "rollback" | "lostReplies")[]
): AdapterCase {
  return defineCase(promise, name, play, "log", ...needs);
}

function storeOf({ adapter }: StageNode): LogStore {
  assert(adapter.log !== undefined, "the adapter has no log");
  return adapter.log;
}

/** Appends, and sees that it is kept. */
async function append(
  stage: Stage,
  node: StageNode,
  payload: string,
  options: AppendOptions = KEEP,
  channel = "c",
): Promise<Appended & { readonly kept: true }> {
  const appended = await settled(stage, node, payload, options, channel);
  if (appended.kept === true) return appended;
  throw new Error(`An append was not kept: ${appended.kept}`, {
    cause: appended.cause,
  });
}

/** Appends, and sees that it settles in time. */
function settled(
  stage: Stage,
  node: StageNode,
  payload: string,
  options: AppendOptions = KEEP,
  channel = "c",
): Promise<Appended> {
  return within(
    storeOf(node).append(channel, payload, options),
    2 * stage.patienceMs,
    "the end of an append",
  );
}

async function read(
  stage: Stage,
  node: StageNode,
  after?: Position,
  limit = 100,
  channel = "c",
): Promise<LogRead> {
  const found = await within(
    storeOf(node).read(channel, after, limit),
    stage.patienceMs,
    "the end of a read",
  );
  assert(found.entries.length <= limit, "there are more messages than asked");
  return found;
}

/** Reads page by page to the end. */
async function readOn(
  stage: Stage,
  node: StageNode,
  after: Position | undefined,
  limit: number,
  channel = "c",
): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (let at = after;;) {
    const page = await read(stage, node, at, limit, channel);
    assert(page.whole, `after ${at} it is not whole`);
    all.push(...page.entries);
    const last = page.entries.at(-1)?.position;
    if (last === undefined || last === page.head) return all;
    at = last;
  }
}

/** Waits until a node was pushed so many messages. */
function pushed(
  stage: Stage,
  node: StageNode,
  count: number,
  channel = "c",
): Promise<void> {
  return node.host.until(
    `the push of ${count} messages`,
    stage.patienceMs,
    () => node.host.pushed(channel).length >= count,
  );
}

/** Waits until a node was pushed one message. */
function pushedOf(
  stage: Stage,
  node: StageNode,
  position: Position,
): Promise<void> {
  return node.host.until(
    `the push of ${position}`,
    stage.patienceMs,
    () => node.host.pushed("c").some((it) => it.position === position),
  );
}

/** Waits until something has expired that is kept for the shortest time. */
async function expire(
  stage: Stage,
  gone: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + SHORT_MS + stage.patienceMs;
  while (!await gone()) {
    assert(Date.now() < deadline, "nothing has expired");
    await pause(SHORT_MS / 20);
  }
}

/** Sees that numbers follow each other, from the one after a position. */
function contiguous(entries: readonly LogEntry[], after: Position): void {
  const { epoch, n } = parts(after);
  for (const [at, { position }] of entries.entries()) {
    const found = parts(position);
    assert(
      found.epoch === epoch && found.n === n + 1 + at,
      `message ${at} is at ${position}, must have number ${
        n + 1 + at
      } of ${epoch}`,
    );
  }
}

function parts(position: Position): PositionParts {
  const found = parsePosition(position);
  assert(found !== undefined, `${position} is no position`);
  return found;
}

function show({ position, payload }: LogEntry): string {
  return `${position},${payload}`;
}
