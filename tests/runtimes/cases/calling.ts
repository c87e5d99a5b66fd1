/** Requests, signals, and what becomes of those that fail. */
import { isSocketError, SocketError } from "../../../src/wire/errors.ts";
import {
  assert,
  assertRejects,
  pause,
  within,
} from "../../../src/testing/assert.ts";
import { rejection } from "../../helpers/wait.ts";
import { defineCase } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

const texts = {
  "CR LF": "a\r\nb\n\nc\r",
  NUL: "\0a\0",
  emoji: "👩‍👩‍👧 🏳️‍🌈 é \u2028 \u2029",
  "an empty one": "",
  "a lone surrogate": "\ud800",
  "what looks like a number": "007",
  "what looks like a frame": '["evt","note",{}]',
};

export const calling: readonly RuntimeCase[] = [
  ...Object.entries(texts).map(([what, text]) =>
    defineCase("drift", `text survives both ways: ${what}`, async (stage) => {
      const client = await stage.user();
      const echoed = await client.echo({ text });
      assert(echoed.text === text, JSON.stringify(echoed.text));
    })
  ),
  defineCase("drift", "a message of exactly 1 MiB is taken", async (stage) => {
    const socket = await stage.greeted();
    const around = JSON.stringify(["req", 1, "echo", { text: "" }]).length;
    const text = "x".repeat(1_048_576 - around);
    socket.say(["req", 1, "echo", { text }]);
    const [, , output] = await socket.next("res", 1);
    assert((output as { text: string }).text === text, "it is the same");
  }),
  defineCase("safe", "a larger message closes with 1009", async (stage) => {
    const socket = await stage.greeted();
    socket.send("x".repeat(1_048_577));
    const { code } = await socket.closed();
    // Where the runtime's own limit cuts in, a client that is still writing may see the cut before the code.
    assert(code === 1009 || code === 1006, socket.told());
    await stage.reports(
      "it is over",
      ({ log }) => log.some(({ kind }) => kind === "close"),
    );
  }),
  defineCase(
    "safe",
    "a message over a smaller limit closes with 1009 and its reason",
    async (stage) => {
      const socket = await stage.greeted();
      socket.send("x".repeat(4_097));
      const { code } = await socket.closed();
      assert(code === 1009, socket.told());
    },
    { preset: "small" },
  ),
  defineCase(
    "promises",
    "text stays text, bytes stay bytes and dates stay dates in MessagePack",
    async (stage) => {
      const client = stage.packed();
      const at = new Date(1_700_000_000_123);
      const whole = new Uint8Array(300).map((_, n) => n);
      for (const bytes of [whole.subarray(7, 263), new Uint8Array()]) {
        const input = { text: "a\0\r\n👍", bytes, at };
        let event: typeof input | undefined;
        let order: typeof input | undefined;
        const off = client.on("blob", (payload) => event = payload);
        const sub = client.subscribe(
          "order",
          { id: "1" },
          (payload) => order = payload,
        );
        assert((await sub.ready).live, "live");
        const echoed = await client.echo(input);
        const { length } = await client.reflect(input);
        await client.pack(input);
        off();
        sub();
        assert(length === bytes.length, String(length));
        for (const got of [echoed, event, order]) {
          assert(got?.text === input.text, String(got?.text));
          assert(String(got.bytes) === String(bytes), String(got.bytes));
          assert(got.at instanceof Date, typeof got.at);
          assert(got.at.getTime() === at.getTime(), String(got.at));
        }
      }
    },
    { preset: "packed" },
  ),
  defineCase(
    "promises",
    "a handler that throws is INTERNAL without its inside, and the connection lives",
    async (stage) => {
      const client = await stage.user();
      for (const how of ["throw", "reject"]) {
        const error = await rejection(client.fail({ how }));
        assert(isSocketError(error) && error.code === "INTERNAL", how);
        assert(!error.message.includes("password"), error.message);
      }
      assert((await client.echo({ text: "on" })).text === "on", "echo");
    },
  ),
  defineCase(
    "promises",
    "an expected failure arrives as itself",
    async (stage) => {
      const client = await stage.user();
      const error = await rejection(client.fail({ how: "custom" }));
      assert(isSocketError(error) && error.code === "FULL", String(error));
      assert(error.message === "No seat is left", error.message);
      assert(JSON.stringify(error.data) === '{"seats":0}', "data");
    },
  ),
  defineCase(
    "promises",
    "wrong input is VALIDATION, and the handler does not run",
    async (stage) => {
      const client = await stage.user();
      const wrong = client.echo({ text: 7 as unknown as string });
      await assertRejects(wrong, "VALIDATION", 4_000, "echo");
    },
  ),
  defineCase(
    "safe",
    "an error that another client chose does not reach the caller",
    async (stage) => {
      const client = (await stage.user()).implement({
        confirm: () => {
          throw new SocketError("MY_SECRET", "internal", { password: "x" });
        },
      });
      const key = crypto.randomUUID();
      const error = await rejection(client.look({ key, at: "client" }));
      const { code, message, data } = error as SocketError;
      assert(code === "INTERNAL" && data === undefined, `${code}: ${message}`);
      assert(message === "The server failed", message);
      await stage.reports(
        "onError is told",
        ({ log }) => log.some(({ kind }) => kind === "error"),
      );
    },
  ),
  defineCase(
    "promises",
    "stray fields of an answer do not leave, and a wrong answer is INTERNAL",
    async (stage) => {
      const client = await stage.user();
      const stray = await client.stray({});
      assert(JSON.stringify(stray) === '{"name":"ada"}', JSON.stringify(stray));
      await assertRejects(client.wrong({}), "INTERNAL", 4_000, "wrong");
    },
  ),
  defineCase(
    "promises",
    "names outside of a role are NOT_FOUND, those of objects included",
    async (stage) => {
      const socket = await stage.greeted();
      const names = ["act", "constructor", "__proto__", "toString", "", "nope"];
      names.forEach((name, at) => socket.say(["req", at + 1, name, {}]));
      for (const at of names.keys()) {
        const [, , code] = await socket.next("err", at + 1);
        assert(code === "NOT_FOUND", `${names[at]}: ${code}`);
      }
    },
  ),
  defineCase(
    "wire",
    "a signal runs its handler and gets no answer, not even when refused",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["sig", "mark", { key: "a" }], ["sig", "mark", { key: 1 }]);
      socket.say(["sig", "nope", {}], ["req", 1, "echo", { text: "" }]);
      await socket.next("res", 1);
      const { log } = await stage.control("report");
      const marks = log.filter(({ kind }) => kind === "mark");
      assert(marks.length === 1 && marks[0]?.name === "a", JSON.stringify(log));
      assert(socket.frames.length === 2, socket.told());
    },
  ),
  defineCase(
    "wire",
    "cancel settles at once, and the server's handler is told",
    async (stage) => {
      const client = await stage.user();
      const controller = new AbortController();
      const { signal } = controller;
      const call = client.hang({ key: "cancel" }, { signal });
      await client.echo({ text: "it was sent" });
      controller.abort(new Error("enough"));
      assert(String(await rejection(call)).includes("enough"), "the reason");
      await stage.reports(
        "the handler is told",
        ({ log, sizes }) =>
          log.some(({ name }) => name === "cancel") && sizes["calls"] === 0,
      );
    },
  ),
  defineCase("wire", "a time-out cancels too", async (stage) => {
    const client = await stage.user();
    const call = client.hang({ key: "late" }, { timeoutMs: 50 });
    await assertRejects(call, "TIMEOUT", 4_000, "hang");
    await stage.reports(
      "the handler is told",
      ({ log }) => log.some(({ name }) => name === "late"),
    );
  }),
  defineCase(
    "drift",
    "a handler is told when its client goes, and nothing is left",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["req", 1, "hang", { key: "gone" }]);
      await stage.reports("it runs", ({ sizes }) => sizes["calls"] === 1);
      socket.close();
      await stage.reports(
        "the handler is told",
        ({ log }) => log.some(({ name }) => name === "gone"),
      );
    },
  ),
  defineCase(
    "safe",
    "more than maxInFlight are refused on the wire, and wait in a client",
    async (stage) => {
      const socket = await stage.greeted();
      for (const id of [1, 2, 3]) socket.say(["req", id, "hang", { key: "" }]);
      const [, , code] = await socket.next("err", 3);
      assert(code === "RATE_LIMITED", String(code));
      socket.say(["cancel", 1], ["cancel", 2]);
      const client = await stage.user();
      const texts = Array.from({ length: 10 }, (_, n) => String(n));
      const all = texts.map((text) => client.echo({ text }));
      const got = await within(
        Promise.all(all),
        4_000,
        "ten calls, two at once",
      );
      assert(got.map(({ text }) => text).join() === texts.join(), "all came");
    },
    { preset: "small" },
  ),
  defineCase(
    "wire",
    "the reuse of an unanswered id closes with 4400",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["req", 1, "hang", { key: "" }], ["req", 1, "echo", {}]);
      assert((await socket.closed()).code === 4400, socket.told());
    },
  ),
  defineCase(
    "safe",
    "ten malformed frames close with 1008, nine are answered",
    async (stage) => {
      const socket = await stage.greeted();
      for (let n = 0; n < 9; n++) socket.send("null");
      socket.say(["req", 1, "echo", { text: "still here" }]);
      await socket.next("res", 1);
      const [, , code] = await socket.next("err", 0);
      assert(code === "BAD_REQUEST", String(code));
      socket.send("{");
      assert((await socket.closed()).code === 1008, socket.told());
    },
  ),
  defineCase(
    "safe",
    "what is nested deeper than maxDepth is refused before it is parsed",
    async (stage) => {
      const socket = await stage.greeted();
      const call = (id: number, depth: number) =>
        socket.send(
          `["req",${id},"echo",{"text":"a","more":${"[".repeat(depth)}${
            "]".repeat(depth)
          }}]`,
        );
      call(1, 63);
      const [, , output] = await socket.next("res", 1);
      assert(JSON.stringify(output) === '{"text":"a"}', "63 and the object");
      call(2, 64);
      for (let id = 3; id < 8; id++) call(id, 500_000);
      for (let id = 2; id < 8; id++) {
        const [, , code] = await socket.next("err", id);
        assert(code === "BAD_REQUEST", `${id}: ${code}`);
      }
      socket.say(["req", 8, "echo", { text: "[".repeat(1_000) }]);
      await socket.next("res", 8);
    },
  ),
  defineCase(
    "safe",
    "more bytes than bytesPerSecond are refused, and close with 1008 when they go on",
    async (stage) => {
      const socket = await stage.greeted();
      const key = "x".repeat(4_000);
      // As many as end it, and one now and then if the bucket filled meanwhile: Deno cuts a client that is still writing.
      for (let n = 0; n < 9; n++) socket.say(["sig", "mark", { key }]);
      for (let n = 0; n < 100 && !socket.end; n++) {
        await pause(20);
        if (n > 20) socket.say(["sig", "mark", { key }]);
      }
      const [, , code, message] = await socket.next("err");
      assert(code === "RATE_LIMITED", socket.told());
      assert(String(message).includes("bytesPerSecond"), String(message));
      assert((await socket.closed()).code === 1008, socket.told());
    },
    { preset: "small" },
  ),
  defineCase("wire", "a tag of a newer client is answered", async (stage) => {
    const socket = await stage.greeted();
    socket.say(["later", 1, { a: 1 }]);
    const [, , code] = await socket.next("err");
    assert(code === "BAD_REQUEST", String(code));
    socket.say(["req", 2, "echo", { text: "" }]);
    await socket.next("res", 2);
  }),
];
