// What holds for any input: of the wire's parts that need no server.
import { afterEach, describe, expect, jest, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import { backoffDelay } from "../src/shared/backoff.ts";
import { Batch } from "../src/wire/batch.ts";
import {
  roomChannel,
  roomOf,
  serverChannel,
  topicChannel,
  topicOf,
} from "../src/server/fanout/channels.ts";
import { sendableCode, sendableReason } from "../src/wire/close_codes.ts";
import {
  advance,
  type Position,
  seal,
  unseal,
} from "../src/server/fanout/envelope.ts";
import { TokenBucket } from "../src/shared/token_bucket.ts";
import {
  createCodec,
  type Frame,
  MAX_BATCH_BYTES,
  MAX_BATCH_FRAMES,
  plainFrame,
  read,
} from "../src/wire/protocol.ts";
import { Sequences } from "../src/server/fanout/sequences.ts";
import { offeredToken, tokenProtocol } from "../src/wire/token.ts";
import { conversation } from "./helpers/protocol_page.ts";

// The same inputs at every run; `SEED=n` tries others. What fails is shrunk, and printed with the seed that finds it.
fc.configureGlobal({ seed: Number(process.env.SEED ?? 7), numRuns: 1_000 });

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Texts that are made of the parts of frames. */
const frameTexts = fc.array(
  fc.constantFrom(
    ...'[]{}",:0123456789.-+eE\\ \n\r\t\0',
    ...["null", "true", '["req",1,"say"', '["sig"', "ping", "__proto__"],
    ...["é", "🦀", "\ud800", "\u2028"],
  ),
  { maxLength: 30 },
).map((parts) => parts.join(""));
/** Bytes with many zeros, as lengths have them. */
const frameBytes = fc.array(
  fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })),
  { maxLength: 60 },
).map((bytes) => Uint8Array.from(bytes));

const golden = ["A conversation", "Text payloads", "Binary payloads"].flatMap(
  (heading) => conversation(heading).map(({ data }) => data),
);

/** Valid messages with a part cut out and something else in its place, once or twice. */
function mutants(originals: readonly Frame[]): fc.Arbitrary<Frame> {
  const cut = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(4),
    text: frameTexts,
    bytes: frameBytes,
  });
  return fc.tuple(
    fc.constantFrom(...originals),
    fc.array(cut, { minLength: 1, maxLength: 2 }),
  ).map(([original, cuts]) =>
    cuts.reduce((frame, { at, length, text, bytes }) => {
      const from = Math.floor(at * frame.length);
      return typeof frame === "string"
        ? frame.slice(0, from) + text.slice(0, 3) + frame.slice(from + length)
        : Uint8Array.from([
          ...frame.subarray(0, from),
          ...bytes.subarray(0, 3),
          ...frame.subarray(from + length),
        ]);
    }, original)
  );
}

describe("read", () => {
  test("gives frames or flaws for any text and any bytes, and never throws", () => {
    const outcomes = { ok: 0, flawed: 0 };
    const inputs = fc.oneof(
      frameTexts,
      frameBytes,
      { weight: 6, arbitrary: mutants(golden) },
    );
    const isTotal = (data: Frame) => {
      const frames = read(data);
      expect(frames.length).toBeWithin(1, MAX_BATCH_FRAMES + 1);
      for (const frame of frames) {
        outcomes[frame.ok ? "ok" : "flawed"]++;
        if (frame.ok) expect(typeof frame.fields[0]).toBe("string");
        else expect(frame.flaw).toMatch(/^Cannot read /);
      }
    };
    fc.assert(fc.property(inputs, isTotal), { numRuns: 20_000 });
    // The mutations are neither so mild nor so wild that they test one side alone.
    expect(outcomes.ok).toBeGreaterThan(1_000);
    expect(outcomes.flawed).toBeGreaterThan(5_000);
  });

  test.each([
    ["nothing", ""],
    ["no bytes", new Uint8Array()],
    ["null", "null"],
    ["an empty array", "[]"],
    ["a tag that is no string", "[1]"],
    ["an object", '{"0":"req","length":1}'],
    ["half a frame", '["req"'],
    ["a length and nothing else", new Uint8Array([0, 0, 0, 9])],
    ["the largest length", new Uint8Array([255, 255, 255, 255, 1])],
    ["two empty parts", new Uint8Array(8)],
    [
      "a frame that is not UTF-8",
      new Uint8Array([0, 0, 0, 1, 255, 0, 0, 0, 0]),
    ],
    [
      "a payload that is cut short",
      new Uint8Array([0, 0, 0, 5, ...bytesOf('["x"]'), 0, 0, 0, 2, 1]),
    ],
    [
      "a frame that is cut short",
      new Uint8Array([0, 0, 0, 6, ...bytesOf('["x"]')]),
    ],
    [
      "little-endian lengths",
      new Uint8Array([5, 0, 0, 0, ...bytesOf('["x"]'), 0, 0, 0, 0]),
    ],
  ])("finds a flaw in %s", (_what, data) => {
    expect(read(data)).toEqual([{ ok: false, flaw: expect.any(String) }]);
  });

  test("gives the blocks before one that is cut short", () => {
    const whole = [0, 0, 0, 5, ...bytesOf('["x"]'), 0, 0, 0, 1, 7];
    for (let length = 1; length < whole.length; length++) {
      expect(read(new Uint8Array([...whole, ...whole.slice(0, length)])))
        .toEqual([
          { ok: true, fields: ["x", new Uint8Array([7])] },
          { ok: false, flaw: expect.any(String) },
        ]);
    }
  });

  test("survives deep nesting", () => {
    for (const depth of [1_000, 100_000]) {
      expect(read(`["x",${"[".repeat(depth)}`)).toHaveLength(1);
      expect(read(`["x",${"[".repeat(depth)}${"]".repeat(depth)}]`))
        .toHaveLength(1);
    }
  });

  test("takes 256 frames of 65 536 bytes in a batch, and no more", () => {
    const frame = (size: number) => `["x","${"a".repeat(size - 8)}"]`;
    const full = Array(256).fill(frame(255)).join("\n") + "a"; // not JSON, but of the size
    expect(full).toHaveLength(65_536);
    expect(read(full)).toHaveLength(256);
    const good = Array(256).fill(frame(255)).join("\n");
    expect(read(good).every(({ ok }) => ok)).toBe(true);

    const flaw = [{ ok: false, flaw: expect.stringContaining("too large") }];
    expect(read(`${full}a`)).toEqual(flaw as never);
    expect(read(Array(257).fill('["x"]').join("\n"))).toEqual(flaw as never);
    expect(read("\n".repeat(1_000_000))).toEqual(flaw as never);
    expect(read(frame(1_000_000))).toMatchObject([{ ok: true }]);
  });

  test("takes as many binary frames, and no more", () => {
    const codec = createCodec({
      name: "bytes",
      encode: (value) => value as Uint8Array,
      decode: (data) => data,
    });
    const frame = (size: number) =>
      codec.frame(["x"], new Uint8Array(size)) as Uint8Array;
    const join = (...frames: Uint8Array[]) =>
      Uint8Array.from(frames.flatMap((frame) => [...frame]));
    const flaw = [{ ok: false, flaw: expect.stringContaining("too large") }];
    const half = frame(MAX_BATCH_BYTES / 2 - 13);
    expect(read(join(half, half))).toMatchObject([{ ok: true }, { ok: true }]);
    expect(read(join(half, half, frame(1)))).toEqual(flaw as never);
    expect(read(join(...Array(256).fill(frame(1))))).toHaveLength(256);
    expect(read(join(...Array(257).fill(frame(1))))).toEqual(flaw as never);
    expect(read(frame(1_000_000))).toMatchObject([{ ok: true }]);
  });

  test("reads a view of a larger buffer by its own bytes", () => {
    const bytes = golden.find((data) => typeof data !== "string") ?? "";
    const larger = new Uint8Array(bytes.length + 20).fill(255);
    larger.set(bytes as Uint8Array, 7);
    expect(read(larger.subarray(7, 7 + bytes.length))).toEqual(read(bytes));
  });

  test("puts no payload of length zero into a frame", () => {
    const empty = new Uint8Array([0, 0, 0, 5, ...bytesOf('["x"]'), 0, 0, 0, 0]);
    expect(read(empty)).toEqual([{ ok: true, fields: ["x"] }]);
  });
});

describe("a batch", () => {
  const codec = createCodec({
    name: "bytes",
    encode: (value) => value as Uint8Array,
    decode: (data) => data,
  });
  const sizes = fc.oneof(
    { weight: 9, arbitrary: fc.nat(90) },
    fc.nat(9_000),
  );
  const kinds: [kind: string, frame: (size: number) => Frame][] = [
    ["text", (size) => plainFrame("x", "é".repeat(size))],
    ["binary", (size) => codec.frame(["x"], new Uint8Array(1 + size))],
  ];

  test.each(kinds)(
    "of %s frames is read back whole, in order",
    (_kind, make) => {
      const list = fc.array(sizes.map(make), { minLength: 1, maxLength: 400 });
      const isWhole = (frames: Frame[]) => {
        const messages: { batch: Batch; frames: Frame[] }[] = [];
        for (const frame of frames) {
          const last = messages.at(-1);
          if (last?.batch.add(frame, 1)) last.frames.push(frame);
          else messages.push({ batch: new Batch(frame, 1), frames: [frame] });
        }
        expect(messages.flatMap((message) => message.frames)).toEqual(frames);
        for (const { batch, frames } of messages) {
          const message = batch.join();
          expect(batch.frames).toBe(frames.length);
          expect(frames.length).toBeWithin(1, MAX_BATCH_FRAMES + 1);
          const size = typeof message === "string"
            ? bytesOf(message).length
            : message.length;
          if (frames.length > 1) {
            expect(size).toBeWithin(
              1,
              MAX_BATCH_BYTES + 1,
            );
          }
          expect(read(message)).toEqual(frames.flatMap((frame) => read(frame)));
        }
      };
      fc.assert(fc.property(list, isWhole), {
        numRuns: 200,
        examples: [[Array.from({ length: 400 }, () => make(1))]], // more than one message holds
      });
    },
  );

  test("takes no frame of the other kind", () => {
    const [text, bytes] = [
      plainFrame("x"),
      codec.frame(["x"], new Uint8Array(1)),
    ];
    expect(new Batch(text, 1).add(bytes, 1)).toBe(false);
    expect(new Batch(bytes, 1).add(text, 1)).toBe(false);
  });

  test("takes several frames at once, or none of them", () => {
    const batch = new Batch(plainFrame("x"), 200);
    expect(batch.add('["y"]\n["z"]', 57)).toBe(false);
    expect(batch.add('["y"]\n["z"]', 56)).toBe(true);
    expect(batch.frames).toBe(256);
  });
});

describe("an envelope", () => {
  const frames: [kind: string, frames: Frame][] = [
    ["text", '["evt","a",1]\n["pub","b","é🦀\\n"]'],
    ["binary", new Uint8Array([0, 0, 0, 9, ...bytesOf('["evt",1]'), 0, 255])],
    ["one of a server event", '["srv","rebalance",{"shard":1}]'],
  ];
  test.each(frames)("of %s is read back", (_kind, frames) => {
    const sealed = seal("node-1", "e.0", 42, frames);
    expect(sealed).toMatch(/^1 node-1 e\.0 42 [tb]\n/);
    expect(unseal(sealed)).toEqual({
      nodeId: "node-1",
      epoch: "e.0",
      seq: 42,
      frames,
    });
  });

  test.each([
    ["nothing", ""],
    ["no line feed", '1 n e 1 t ["evt",1]'],
    ["another version", '2 n e 1 t\n["evt",1]'],
    ["another kind", '1 n e 1 x\n["evt",1]'],
    ["a number that is none", '1 n e one t\n["evt",1]'],
    ["a negative number", '1 n e -1 t\n["evt",1]'],
    ["a number too long to be exact", '1 n e 1234567890123456 t\n["evt",1]'],
    ["a missing part", '1 n e t\n["evt",1]'],
    ["a part too many", '1 n e 1 t t\n["evt",1]'],
    ["an endless line", `1 ${"n".repeat(1_000_000)}`],
    ["no frames", "1 n e 1 t\n"],
    ["bytes that are not base64", "1 n e 1 b\n%%%"],
    ["no bytes", "1 n e 1 b\n"],
    ["a JSON text of another app", '{"type":"join"}\n'],
    ["a length that would be a frame", "\n\n\n"],
  ])("with %s is foreign", (_what, payload) => {
    expect(unseal(payload)).toBeUndefined();
  });

  test("of any text is one or foreign, without a throw", () => {
    const good = frames.map(([, frames]) => seal("node", "e", 1, frames));
    const payloads = fc.oneof(frameTexts, mutants(good));
    fc.assert(
      fc.property(payloads, (payload) => {
        const envelope = unseal(String(payload));
        if (envelope) expect(envelope.seq).toBeWithin(0, 1e15);
      }),
      { numRuns: 5_000 },
    );
  });

  test("of any node, number and frames is read back", () => {
    const words = fc.stringMatching(/^[\w.-]{1,40}$/);
    fc.assert(
      fc.property(
        words,
        words,
        fc.integer({ min: 1, max: 999_999_999_999_999 }),
        fc.oneof(
          fc.string({ minLength: 1, unit: "binary" }).map((it) =>
            it.toWellFormed()
          ),
          fc.uint8Array({ minLength: 1 }),
        ),
        (nodeId, epoch, seq, frames) => {
          expect(unseal(seal(nodeId, epoch, seq, frames)))
            .toEqual({ nodeId, epoch, seq, frames });
        },
      ),
    );
  });

  test("moves its sender's position on, and no other", () => {
    let position: Position | undefined;
    const take = (epoch: string, seq: number) => {
      const step = advance(position, { nodeId: "n", epoch, seq, frames: "" });
      if (step) position = structuredClone(step.position);
      return step?.missed;
    };
    expect(take("a", 5)).toBe(0); // the first that is heard
    expect(take("a", 6)).toBe(0);
    expect(take("a", 6)).toBeUndefined(); // repeated
    expect(take("a", 4)).toBeUndefined(); // older
    expect(take("a", 9)).toBe(2); // a gap
    expect(take("a", 8)).toBeUndefined(); // late
    expect(take("b", 1)).toBe(0); // another count
    expect(take("a", 10)).toBeUndefined(); // of the count before it
    expect(take("b", 1)).toBeUndefined();
    expect(take("c", 4)).toBe(3); // the first three are missing
    expect(take("b", 2)).toBeUndefined();
    expect(take("c", 5)).toBe(0);
  });
});

describe("a token", () => {
  test.each([
    ["empty", ""],
    ["plain", "abc.def-ghi_123"],
    ["of all that base64url replaces", "???>>>~~~"],
    ["Unicode", "s3cr€t/🔑 \0\n"],
    ["long", "x🦀".repeat(3_000)],
  ])("%s comes back", (_what, token) => {
    const protocol = tokenProtocol(token);
    expect(protocol).toMatch(/^[\w.-]+$/); // an HTTP token, as a subprotocol has to be
    expect(offeredToken(["superline.v1", protocol])).toBe(token);
  });

  test("of any bytes comes back", () => {
    const tokens = fc.string({ unit: "binary" })
      .map((text) => text.toWellFormed());
    fc.assert(fc.property(tokens, (token) => {
      expect(offeredToken([tokenProtocol(token)])).toBe(token);
    }));
  });

  test.each([
    ["none", ["superline.v1"]],
    ["no protocols", []],
    ["one that is not base64url", ["superline.token.***"]],
    ["one of an impossible length", ["superline.token.a"]],
    ["one in another's prefix", ["xsuperline.token.YQ"]],
  ])("is not read from %s", (_what, protocols) => {
    expect(offeredToken(protocols)).toBeUndefined();
  });
});

describe("a close", () => {
  test("has a code that may be sent", () => {
    const kept = [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1013, 1014];
    for (const code of [...kept, 3000, 4000, 4401, 4999]) {
      expect(sendableCode(code)).toBe(code);
    }
    const other = [1004, 1005, 1006, 1015, 1016, 2999, 999, 5000, 0, -1];
    for (const code of [...other, 1000.5, 65_536 + 1000, NaN, Infinity]) {
      expect(sendableCode(code)).toBe(1000);
    }
    expect(sendableCode("4401" as unknown as number)).toBe(1000);
  });

  test("has a reason of at most 123 bytes, cut between characters", () => {
    expect(sendableReason("")).toBe("");
    expect(sendableReason("a".repeat(123))).toBe("a".repeat(123));
    expect(sendableReason("a".repeat(124))).toBe("a".repeat(123));
    expect(sendableReason("é".repeat(62))).toBe("é".repeat(61));
    expect(sendableReason("€".repeat(42))).toBe("€".repeat(41));
    expect(sendableReason("🦀".repeat(31))).toBe("🦀".repeat(30));
    const reasons = fc.string({
      unit: fc.constantFrom("a", "é", "€", "🦀"),
      maxLength: 90,
    });
    const isCut = (reason: string) => {
      const sent = sendableReason(reason);
      expect(reason.startsWith(sent)).toBe(true);
      expect(sent.isWellFormed()).toBe(true);
      const size = bytesOf(sent).length;
      expect(size).toBeWithin(0, 124);
      if (sent !== reason) expect(size).toBeGreaterThan(119);
    };
    fc.assert(fc.property(reasons, isCut), { numRuns: 2_000 });
  });
});

describe("a channel", () => {
  const alphabet = [..."a:%3A25"];
  let names = [""];
  const all: string[] = [];
  for (let length = 1; length <= 3; length++) {
    names = names.flatMap((name) => alphabet.map((char) => name + char));
    all.push(...names);
  }

  test("is one room's, one topic's or one server event's alone", () => {
    const channels = new Map<string, string>();
    const add = (channel: string, of: string) => {
      expect([channel, channels.get(channel)]).toEqual([channel, undefined]);
      channels.set(channel, of);
    };
    for (const name of all) {
      add(roomChannel(name), `room ${name}`);
      add(serverChannel(name), `event ${name}`);
      add(topicChannel("shared", name), `shared ${name}`);
    }
    const short = all.filter((name) => name.length <= 2);
    for (const role of short) {
      for (const name of short) {
        add(topicChannel(role, name), `topic ${role} ${name}`);
      }
    }
  });

  test.each([
    ["a:b", "room:a:b"],
    ["x%3A", "room:x%3A"],
    ["topic:user:x", "room:topic:user:x"],
    ["ä 🦀\r\n\0", "room:ä 🦀\r\n\0"],
  ])("of room %j is %j, and gives the name back", (name, channel) => {
    expect(roomChannel(name)).toBe(channel);
    expect(roomOf(channel)).toBe(name);
  });

  test("gives names back, to its own kind alone", () => {
    for (const name of all) {
      expect(roomOf(roomChannel(name))).toBe(name);
      expect(topicOf(topicChannel("shared", name))).toBe(name);
      expect(topicOf(topicChannel("a:b", name))).toBe(`a:b:${name}`);
      expect(roomOf(topicChannel("user", name))).toBeUndefined();
      expect(topicOf(roomChannel(name))).toBeUndefined();
      expect(roomOf(serverChannel(name))).toBeUndefined();
    }
  });
});

describe("a limiter", () => {
  const takeMany = (limiter: TokenBucket, count: number, now: number) =>
    Array.from({ length: count }, () => limiter.take(now));

  test("lets a burst through, refuses as many, then is overdrawn", () => {
    const limiter = new TokenBucket(10, 5, 0, 0);
    expect(takeMany(limiter, 5, 0)).toEqual(Array(5).fill("ok"));
    expect(takeMany(limiter, 5, 0)).toEqual(Array(5).fill("refused"));
    expect(limiter.take(0)).toBe("overdrawn");
  });

  test("lets more through at first, once", () => {
    const limiter = new TokenBucket(10, 5, 20, 0);
    expect(takeMany(limiter, 25, 0)).toEqual(Array(25).fill("ok"));
    expect(limiter.take(0)).toBe("refused");
    expect(takeMany(limiter, 6, 60_000)).toEqual([
      ...Array(5).fill("ok"),
      "refused",
    ]);
  });

  test("lets its rate through for ever, and never saves more than a burst", () => {
    const limiter = new TokenBucket(10, 5, 0, 0);
    for (let now = 0; now < 100_000; now += 100) {
      expect(limiter.take(now)).toBe("ok");
    }
    expect(takeMany(limiter, 6, 1e9)).toEqual([
      ...Array(5).fill("ok"),
      "refused",
    ]);
  });

  test("gains nothing from a clock that is set back", () => {
    const limiter = new TokenBucket(10, 2, 0, 1_000);
    expect(takeMany(limiter, 2, 1_000)).toEqual(["ok", "ok"]);
    expect(limiter.take(-1e9)).toBe("refused");
    expect(limiter.take(-1e9 + 200)).toBe("ok");
  });
});

describe("sequences", () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test("count each channel from 1 without holes", () => {
    const sequences = new Sequences("s");
    const first = sequences.next("a");
    expect(first.seq).toBe(1);
    expect(sequences.next("b")).toMatchObject({ seq: 1 });
    expect(sequences.next("a")).toMatchObject({ epoch: first.epoch, seq: 2 });
    expect(sequences.size).toBe(2);
    sequences.clear();
    expect(sequences.size).toBe(0);
  });

  test("forget a channel that others have pushed out, and start it again under a new epoch", () => {
    const sequences = new Sequences("s");
    const { epoch } = { ...sequences.next("a") };
    const busy = { ...sequences.next("busy") };
    const seen = new Set([epoch, busy.epoch]);
    for (let n = 0; n < 25_000; n++) {
      const { epoch: other } = sequences.next(`c${n}`);
      expect(seen.has(other)).toBe(false);
      seen.add(other);
      expect(sequences.next("busy"))
        .toMatchObject({ epoch: busy.epoch, seq: n + 2 });
      if (sequences.size > 20_000) throw new Error("It grows without bound");
    }
    const again = sequences.next("a");
    expect(again.seq).toBe(1);
    expect(seen.has(again.epoch)).toBe(false);
    sequences.clear();
  });

  test("renew a busy channel's epoch every 20 s and go on counting, so that nothing is missed", () => {
    jest.useFakeTimers();
    const sequences = new Sequences("s");
    let position: Position | undefined;
    const epochs = new Set<string>();
    for (const seq of Array.from({ length: 120 }, (_, at) => at + 1)) {
      const next = { ...sequences.next("a") };
      expect(next.seq).toBe(seq);
      epochs.add(next.epoch);
      const step = advance(position, { nodeId: "n", frames: "", ...next });
      expect(step?.missed).toBe(0);
      position = step?.position;
      jest.advanceTimersByTime(1_000);
    }
    expect(epochs.size).toBe(6);
    for (const epoch of epochs) { // late envelopes of the last two minutes are old
      const late = { nodeId: "n", epoch, seq: 1, frames: "" };
      expect(advance(position, late)).toBeUndefined();
    }
    jest.useRealTimers();
  });

  test("heal what a forged number or epoch silenced, within 30 s", () => {
    jest.useFakeTimers();
    for (const forged of ["the same epoch", "another epoch", "ten others"]) {
      const sequences = new Sequences("s");
      let position: Position | undefined;
      const take = (epoch: string, seq: number) => {
        const step = advance(position, { nodeId: "n", epoch, seq, frames: "" });
        position = step?.position ?? position;
        return step !== undefined;
      };
      const { epoch, seq } = { ...sequences.next("a") };
      expect(take(epoch, seq)).toBe(true);
      if (forged === "the same epoch") take(epoch, 1e14);
      else if (forged === "another epoch") take("x", 1e14);
      else for (let n = 0; n < 10; n++) take(`x.${n}`, 1e14);
      let silentMs = 0;
      for (;; silentMs += 1_000) {
        const next = sequences.next("a");
        if (take(next.epoch, next.seq)) break;
        jest.advanceTimersByTime(1_000);
      }
      expect(silentMs).toBeLessThanOrEqual(30_000);
      const { epoch: healed, seq: last } = { ...sequences.next("a") };
      expect(take(healed, last)).toBe(true);
    }
    jest.useRealTimers();
  });

  test("forget an idle channel within two minutes, and not within one", () => {
    jest.useFakeTimers();
    const sequences = new Sequences("s");
    sequences.next("a");
    jest.advanceTimersByTime(59_000);
    expect(sequences.next("a").seq).toBe(2);
    jest.advanceTimersByTime(60_500);
    expect(sequences.next("a").seq).toBe(3); // known from the older generation, and young again
    expect(sequences.size).toBe(1);
    jest.advanceTimersByTime(180_000);
    expect(sequences.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(sequences.next("a").seq).toBe(1);
    sequences.clear();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("backoffDelay", () => {
  const options = { baseMs: 500, maxMs: 30_000, factor: 2 };
  test.each([
    [0, 500],
    [1, 1_000],
    [3, 4_000],
    [6, 30_000],
    [50, 30_000],
    [5_000, 30_000],
  ])("after %i failures is anywhere up to %i ms", (attempt, bound) => {
    const delays = Array.from(
      { length: 4_000 },
      () => backoffDelay(attempt, options),
    ).sort((a, b) => a - b);
    const mean = delays.reduce((sum, delay) => sum + delay) / delays.length;
    expect(delays[0]).toBeWithin(0, bound * 0.02);
    expect(delays.at(-1)).toBeWithin(bound * 0.98, bound);
    expect(mean).toBeWithin(bound * 0.45, bound * 0.55);
  });
});
