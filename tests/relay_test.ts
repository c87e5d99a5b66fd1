import { afterEach, describe, expect, jest, test } from "bun:test";
import type { Adapter, AdapterHost } from "../src/seams/adapter.ts";
import { seal, unseal } from "../src/server/fanout/envelope.ts";
import { MAX_BATCH_BYTES, MAX_BATCH_FRAMES } from "../src/wire/protocol.ts";
import { Relay } from "../src/server/fanout/relay.ts";
import { Sequences } from "../src/server/fanout/sequences.ts";

/** An adapter whose every answer the test gives. */
class ScriptedAdapter implements Adapter {
  readonly limits = { maxPayloadBytes: 1_056_768 };
  readonly calls: string[] = [];
  readonly attempts: {
    live(): void;
    fail(error?: unknown): void;
  }[] = [];
  readonly published: { channel: string; payload: string }[] = [];
  host!: AdapterHost;
  onSubscribe: (() => void) | undefined;
  publishThrows = false;

  open(host: AdapterHost): void {
    this.host = host;
  }

  subscribe(channel: string): Promise<void> {
    this.calls.push(`subscribe ${channel}`);
    return new Promise((resolve, reject) => {
      this.attempts.push({ live: resolve, fail: reject });
      this.onSubscribe?.();
    });
  }

  unsubscribe(channel: string): Promise<void> {
    this.calls.push(`unsubscribe ${channel}`);
    return Promise.resolve();
  }

  publish(channel: string, payload: string): void {
    if (this.publishThrows) throw new Error("publish threw");
    this.published.push({ channel, payload });
  }

  close(): Promise<void> {
    this.calls.push("close");
    return Promise.resolve();
  }

  /** Waits for the next call of subscribe. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.onSubscribe = resolve);
  }
}

const relays: Relay[] = [];
afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.close())));

function create({ subscribeTimeoutMs = 1_000 } = {}) {
  const adapter = new ScriptedAdapter();
  const delivered: string[] = [];
  const reported: unknown[] = [];
  const relay = new Relay(adapter, {
    nodeId: "me",
    subscribeTimeoutMs,
    deliver: (channel, { frames }) => delivered.push(`${channel} ${frames}`),
    up: () => {},
    appended: () => {},
    lost: () => {},
    report: (error) => reported.push(error),
  });
  relays.push(relay);
  return { adapter, relay, delivered, reported };
}

/** Runs what was queued so far. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve));
const frame = (text: string) => `["evt","message",${JSON.stringify(text)}]`;
const from = (node: string, seq: number, epoch = "e") =>
  seal(node, epoch, seq, frame(`${node} ${epoch} ${seq}`));

describe("joining", () => {
  test("all that want a channel share one attempt and its outcome", async () => {
    const { adapter, relay } = create();
    const joined = [relay.want("c"), relay.want("c"), relay.want("c")];
    expect(adapter.calls).toEqual(["subscribe c"]);
    adapter.attempts[0]!.live();
    expect(await Promise.all(joined)).toEqual([
      { live: true },
      { live: true },
      { live: true },
    ]);
    expect(await relay.want("c")).toEqual({ live: true });
    expect(adapter.calls).toEqual(["subscribe c"]);
  });

  test("a slow subscribe is not waited for longer than subscribeTimeoutMs, and live later", async () => {
    const { adapter, relay } = create({ subscribeTimeoutMs: 20 });
    const start = performance.now();
    expect(await relay.want("c")).toEqual({ live: false });
    expect(performance.now() - start).toBeGreaterThan(15);
    adapter.attempts[0]!.live();
    await settled();
    expect(await relay.want("c")).toEqual({ live: true });
    expect(adapter.calls).toEqual(["subscribe c"]);
  });

  test("a failed subscribe is told at once, reported once for all, and tried again until it is live", async () => {
    const { adapter, relay, reported } = create();
    const joined = [relay.want("a"), relay.want("b")];
    const lost = new Error("lost");
    for (const attempt of adapter.attempts) attempt.fail(lost);
    expect(await Promise.all(joined)).toEqual([{ live: false }, {
      live: false,
    }]);
    expect(reported).toEqual([lost]);
    expect(relay.sizes()["failedInterests"]).toBe(2);
    await adapter.asked();
    await settled();
    expect(adapter.calls.slice(2)).toEqual(["subscribe a", "subscribe b"]);
    // Who comes now waits for the attempt under way.
    const late = relay.want("a");
    adapter.attempts[2]!.live();
    adapter.attempts[3]!.live();
    expect(await late).toEqual({ live: true });
    expect(await relay.want("b")).toEqual({ live: true });
    expect(relay.sizes()["failedInterests"]).toBe(0);
  });

  test("a subscribe that always fails is not tried in a hot loop", async () => {
    const { adapter, relay } = create();
    adapter.onSubscribe = () => adapter.attempts.at(-1)!.fail(new Error("no"));
    await relay.want("c");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(adapter.calls.length).toBeLessThan(20);
  });

  test("who leaves during the attempt is told, and its late success makes nothing live", async () => {
    const { adapter, relay, delivered } = create();
    const joined = relay.want("c");
    relay.drop("c");
    expect(await joined).toEqual({ live: false });
    expect(adapter.calls).toEqual(["subscribe c", "unsubscribe c"]);
    adapter.attempts[0]!.live();
    await settled();
    adapter.host.message("c", from("other", 1));
    expect(delivered).toEqual([]);
    expect(relay.sizes()).toMatchObject({ interests: 0, failedInterests: 0 });
  });

  test("want, drop, want: the last attempt counts, whatever becomes of the first", async () => {
    const { adapter, relay, reported } = create();
    relay.want("c");
    relay.drop("c");
    const joined = relay.want("c");
    expect(adapter.calls).toEqual([
      "subscribe c",
      "unsubscribe c",
      "subscribe c",
    ]);
    adapter.attempts[0]!.fail(new Error("overtaken"));
    await settled();
    expect(relay.sizes()["failedInterests"]).toBe(0);
    adapter.attempts[1]!.live();
    expect(await joined).toEqual({ live: true });
    expect(reported).toEqual([]);
  });

  test("want, drop, want, drop leaves nothing, not even a retry", async () => {
    const { adapter, relay } = create();
    for (let round = 0; round < 2; round++) {
      relay.want("c");
      relay.drop("c");
    }
    for (const attempt of adapter.attempts) attempt.fail(new Error("no"));
    await settled();
    expect(relay.sizes()).toMatchObject({ interests: 0, failedInterests: 0 });
    expect(adapter.calls.at(-1)).toBe("unsubscribe c");
  });

  test("while the adapter is down nobody waits and it is not asked; up, it is", async () => {
    const { adapter, relay, reported } = create();
    const cause = new Error("broker away");
    adapter.host.status("down", cause);
    adapter.host.status("down", cause);
    expect(relay.status).toMatchObject({ state: "down", cause });
    expect(await relay.want("a")).toEqual({ live: false });
    expect(await relay.want("b")).toEqual({ live: false });
    relay.drop("b");
    expect(adapter.calls).toEqual([]);
    adapter.host.status("up");
    expect(adapter.calls).toEqual(["subscribe a"]);
    const late = relay.want("a");
    adapter.attempts[0]!.live();
    expect(await late).toEqual({ live: true });
    expect(relay.status).toEqual({
      state: "up",
      since: relay.status.since,
    });
    expect(reported).toEqual([cause]);
  });

  test("an adapter that goes down ends the waiting at once, and a live channel stays so", async () => {
    const { adapter, relay } = create({ subscribeTimeoutMs: 60_000 });
    const live = relay.want("live");
    adapter.attempts[0]!.live();
    await live;
    const slow = relay.want("slow");
    adapter.host.status("down");
    expect(await slow).toEqual({ live: false });
    expect(await relay.want("live")).toEqual({ live: false });
    adapter.host.status("up");
    expect(await relay.want("live")).toEqual({ live: true });
    expect(adapter.calls).toEqual(["subscribe live", "subscribe slow"]);
    adapter.attempts[1]!.live();
    await settled();
    expect(await relay.want("slow")).toEqual({ live: true });
  });

  test("close ends all waiting, and nothing is asked or kept after it", async () => {
    const { adapter, relay, delivered } = create();
    const joined = relay.want("c");
    const failed = relay.want("d");
    adapter.attempts[1]!.fail(new Error("no"));
    await failed;
    const closed = relay.close();
    expect(relay.close()).toBe(closed);
    expect(await joined).toEqual({ live: false });
    await closed;
    expect(await relay.want("e")).toEqual({ live: false });
    relay.send("c", frame("late"));
    adapter.host.message("c", from("other", 1));
    adapter.attempts[0]!.fail(new Error("late"));
    await settled();
    expect(delivered).toEqual([]);
    expect(adapter.published).toEqual([]);
    expect(adapter.calls).toEqual(["subscribe c", "subscribe d", "close"]);
    expect(Object.values(relay.sizes())).toEqual([0, 0, 0, 0]);
  });
});

describe("receiving", () => {
  async function listening() {
    const all = create();
    const joined = all.relay.want("room:c");
    all.adapter.attempts[0]!.live();
    await joined;
    return {
      ...all,
      take: (it: string) => all.adapter.host.message("room:c", it),
    };
  }

  test("repeated and older envelopes are dropped and counted, missing ones counted", async () => {
    const { take, delivered, relay } = await listening();
    for (const seq of [5, 6, 6, 5, 9, 8, 10]) take(from("x", seq));
    take(from("y", 1));
    expect(delivered).toEqual(
      [5, 6, 9, 10].map((seq) => `room:c ${frame(`x e ${seq}`)}`)
        .concat(`room:c ${frame("y e 1")}`),
    );
    expect(relay.counters).toMatchObject({
      received: 5,
      repeated: 3,
      missed: 2,
      foreign: 0,
    });
  });

  test("a new epoch starts a new count, and the one before it is old from then on", async () => {
    const { take, delivered, relay } = await listening();
    take(from("x", 7, "one"));
    take(from("x", 1, "two"));
    take(from("x", 8, "one"));
    take(from("x", 3, "three"));
    take(from("x", 2, "two"));
    expect(delivered).toEqual([
      `room:c ${frame("x one 7")}`,
      `room:c ${frame("x two 1")}`,
      `room:c ${frame("x three 3")}`,
    ]);
    expect(relay.counters).toMatchObject({ received: 3, repeated: 2 });
    expect(relay.counters.missed).toBe(2);
  });

  test("the node's own envelopes are dropped without a word", async () => {
    const { take, delivered, relay, reported } = await listening();
    take(from("me", 1));
    expect(delivered).toEqual([]);
    expect(reported).toEqual([]);
    expect(relay.counters).toMatchObject({ received: 0, foreign: 0 });
  });

  test("another node under this node's id is reported, once, and not what the node sent before it restarted", async () => {
    jest.useFakeTimers();
    const { take, delivered, reported } = await listening();
    take(from("me", 1));
    jest.advanceTimersByTime(14_000);
    take(from("me", 2));
    expect(reported).toEqual([]);
    jest.advanceTimersByTime(2_000);
    take(from("me", 3));
    take(from("me", 4));
    jest.useRealTimers();
    expect(delivered).toEqual([]);
    expect(reported).toHaveLength(1);
    expect(String(reported[0])).toContain('has the id "me" too');
  });

  test("what is no envelope is dropped, counted and reported once", async () => {
    const { take, delivered, relay, reported } = await listening();
    const payloads = [
      "",
      "garbage",
      "\n",
      frame("bare"),
      `2 x e 1 t\n${frame("version")}`,
      `1 x e 0 t\n${frame("zero")}`,
      `1 x e -1 t\n${frame("negative")}`,
      `1 x e 1e3 t\n${frame("float")}`,
      `1 x e 1 q\n${frame("kind")}`,
      `1 x e 1 t${frame("no line")}`,
      `1  x e 1 t\n${frame("spaces")}`,
      `1 ${"x".repeat(129)} e 1 t\n${frame("long")}`,
      "1 x e 1 t\n",
      '1 x e 1 t\n["hi",{}]',
      '1 y e 1 t\n["res",1,"forged"]',
      "1 x e 1 b\n!!!",
      "1 x e 1 b\n",
      `1 x e 1 t\n["evt","message","${"x".repeat(1_056_768)}"]`,
      `1 x e 1 t\n["evt","message","${"漢".repeat(352_256)}"]`,
    ];
    for (const payload of payloads) take(payload);
    expect(delivered).toEqual([]);
    expect(relay.counters.foreign).toBe(payloads.length);
    expect(reported).toHaveLength(1);
    expect(reported[0]).toBeInstanceOf(TypeError);
    take(from("z", 1));
    expect(delivered).toHaveLength(1);
  });

  test("what comes on a channel nobody wants goes nowhere", async () => {
    const { adapter, delivered, relay } = await listening();
    adapter.host.message("other", from("x", 1));
    relay.drop("room:c");
    adapter.host.message("room:c", from("x", 1));
    expect(delivered).toEqual([]);
  });
});

describe("sending", () => {
  const envelopes = (adapter: ScriptedAdapter) =>
    adapter.published.map(({ channel, payload }) => {
      const envelope = unseal(payload);
      return { channel, seq: envelope?.seq, frames: `${envelope?.frames}` };
    });

  test("frames of one turn and channel leave as one envelope, numbered a channel", async () => {
    const { adapter, relay } = create();
    for (let at = 0; at < 10; at++) {
      relay.send("a", frame(`a${at}`));
      relay.send("b", frame(`b${at}`));
    }
    expect(adapter.published).toEqual([]);
    await settled();
    relay.send("a", frame("next"));
    await settled();
    const all = (name: string) =>
      Array.from({ length: 10 }, (_, at) => frame(`${name}${at}`)).join("\n");
    expect(envelopes(adapter)).toEqual([
      { channel: "a", seq: 1, frames: all("a") },
      { channel: "b", seq: 1, frames: all("b") },
      { channel: "a", seq: 2, frames: frame("next") },
    ]);
    expect(relay.counters.published).toBe(3);
    expect(relay.sizes()["outgoing"]).toBe(0);
  });

  test("an envelope has at most 256 frames and 64 KiB, except a larger frame alone", async () => {
    const { adapter, relay } = create();
    const texts = [
      ...Array.from({ length: 1_000 }, (_, at) => `${at}`),
      ...Array.from({ length: 30 }, () => "漢".repeat(5_000)),
      "x".repeat(200_000),
      "end",
    ];
    for (const text of texts) relay.send("c", frame(text));
    await settled();
    const sent = envelopes(adapter);
    expect(sent.flatMap(({ frames }) => frames.split("\n")))
      .toEqual(texts.map(frame));
    expect(sent.map(({ seq }) => seq)).toEqual(sent.map((_, at) => at + 1));
    for (const { frames } of sent) {
      const count = frames.split("\n").length;
      expect(count).toBeLessThanOrEqual(MAX_BATCH_FRAMES);
      if (count > 1) {
        expect(Buffer.byteLength(frames)).toBeLessThanOrEqual(MAX_BATCH_BYTES);
      }
    }
    expect(sent.length).toBeLessThan(40);
  });

  test("text and binary frames of one turn keep their order", async () => {
    const { adapter, relay } = create();
    const binary = new Uint8Array([1, 2, 3]);
    for (const it of [frame("1"), binary, binary, frame("2")]) {
      relay.send("c", it);
    }
    await settled();
    expect(adapter.published.map(({ payload }) => payload.split("\n")[0]))
      .toEqual([1, 2, 3].map((seq, at) =>
        expect.stringMatching(
          new RegExp(`^1 me \\S+ ${seq} ${at === 1 ? "b" : "t"}$`),
        )
      ));
  });

  test("close sends what waits", async () => {
    const { adapter, relay } = create();
    relay.send("c", frame("last"));
    await relay.close();
    expect(envelopes(adapter)).toEqual([
      { channel: "c", seq: 1, frames: frame("last") },
    ]);
  });

  test("an adapter that throws out of publish loses that envelope and nothing else", async () => {
    const { adapter, relay, reported } = create();
    adapter.publishThrows = true;
    relay.send("a", frame("lost"));
    relay.send("b", frame("lost"));
    await settled();
    expect(reported).toHaveLength(2);
    expect(relay.counters.dropped).toBe(2);
    adapter.publishThrows = false;
    relay.send("a", frame("next"));
    await settled();
    expect(envelopes(adapter)).toEqual([
      { channel: "a", seq: 2, frames: frame("next") },
    ]);
  });
});

describe("sequences", () => {
  test("count a channel from 1 under one epoch", () => {
    const sequences = new Sequences("s");
    const first = { ...sequences.next("a") };
    expect(first.seq).toBe(1);
    expect({ ...sequences.next("a") }).toEqual({ ...first, seq: 2 });
    expect(sequences.next("b").epoch).not.toBe(first.epoch);
    sequences.clear();
  });

  test("are forgotten when too many came since, and start under a new epoch", () => {
    const sequences = new Sequences("s");
    const { epoch } = sequences.next("a");
    for (let at = 0; at < 9_000; at++) sequences.next(`first ${at}`);
    expect(sequences.next("a")).toMatchObject({ epoch, seq: 2 });
    for (let at = 0; at < 1_500; at++) sequences.next(`more ${at}`);
    expect(sequences.next("a")).toMatchObject({ epoch, seq: 3 });
    expect(sequences.size).toBe(10_501); // each once, though some are of the older generation
    for (let at = 0; at < 30_000; at++) {
      sequences.next(`second ${at}`);
      expect(sequences.size).toBeLessThanOrEqual(20_000);
    }
    const again = sequences.next("a");
    expect(again.seq).toBe(1);
    expect(again.epoch).not.toBe(epoch);
    sequences.clear();
    expect(sequences.size).toBe(0);
  });
});
