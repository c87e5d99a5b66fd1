/** Streamed answers and declared errors. */
import type { SocketError } from "../../../src/wire/errors.ts";
import { settle } from "../../../src/wire/settle.ts";
import { assert, pause, within } from "../../../src/testing/assert.ts";
import { rejection } from "../../helpers/wait.ts";
import { defineCase, type Stage } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

/** Resolves with how far a generator came when its `finally` has run once; waits a little for a second time. */
async function ended(stage: Stage, key: string): Promise<number> {
  const of = (log: readonly { kind: string; name: string; code?: number }[]) =>
    log.filter(({ kind, name }) => kind === "ended" && name === key);
  await stage.reports("finally has run", ({ log }) => of(log).length > 0);
  await pause(20);
  const { log } = await stage.control("report");
  const [entry, ...more] = of(log);
  assert(more.length === 0, `finally ran ${more.length + 1} times`);
  return entry?.code ?? 0;
}

const codeOf = async (promise: Promise<unknown>) =>
  (await rejection(promise) as SocketError).code;

export const streaming: readonly RuntimeCase[] = [
  defineCase(
    "promises",
    "a streamed answer comes item by item, in order, then its result",
    async (stage) => {
      const client = await stage.user();
      const key = crypto.randomUUID();
      const answer = client.stream({ key, to: 300, pad: 50 });
      let count = 0;
      for await (const { n, pad } of answer) {
        assert(n === ++count && pad.length === 50, `${n} after ${count - 1}`);
        if (n === 100) await client.echo({ text: "between" });
      }
      assert(count === 300, String(count));
      assert((await answer.result).total === 300, "the result");
      assert(await ended(stage, key) === 300, "the generator ran to its end");
    },
  ),
  defineCase(
    "promises",
    "items of bytes and dates arrive as they are in MessagePack",
    async (stage) => {
      const client = stage.packed();
      const answer = client.chunks({ count: 40 });
      let count = 0;
      for await (const { text, bytes, at } of answer) {
        assert(text === `${count}\n`, text);
        assert(bytes.join() === `${count},0,10,255`, bytes.join());
        assert(at.getTime() === count, String(at));
        count++;
      }
      assert(count === 40, String(count));
      assert((await answer.result).at.getTime() === 40, "the result");
    },
    { preset: "packed" },
  ),
  defineCase(
    "promises",
    "leaving the loop ends the generator, once",
    async (stage) => {
      const client = await stage.user();
      const key = crypto.randomUUID();
      const answer = client.stream({ key });
      for await (const { n } of answer) if (n === 50) break;
      const error = await rejection(answer.result) as Error;
      assert(error.name === "AbortError", String(error));
      const produced = await ended(stage, key);
      assert(produced >= 50 && produced <= 50 + 17, String(produced));
      await client.echo({ text: "still here" });
    },
  ),
  defineCase(
    "promises",
    "a reader that asks for nothing holds the generator at 16 items",
    async (stage) => {
      const socket = await stage.greeted();
      const key = crypto.randomUUID();
      socket.say(["req", 1, "stream", { key }]);
      const items = () =>
        socket.frames.filter(([tag]) => tag === "next").length;
      await stage.reports("16 items", () => items() === 16);
      await pause(50);
      assert(items() === 16, String(items()));
      socket.say(["more", 1, 4]);
      await stage.reports("20 items", () => items() === 20);
      socket.say(["more", 1, 17]);
      const [, , code] = await socket.next("err", 0);
      assert(code === "BAD_REQUEST", String(code));
      socket.say(["cancel", 1]);
      assert(await ended(stage, key) === 20, "it made what was asked for");
    },
  ),
  defineCase(
    "promises",
    "a lost connection ends a stream with DISCONNECTED, and its generator",
    async (stage) => {
      const client = await stage.user();
      const key = crypto.randomUUID();
      const answer = client.stream({ key });
      const loop = (async () => {
        for await (const { n } of answer) {
          if (n === 20) client.end({ code: 1012, reason: "gone" });
        }
      })();
      assert(await codeOf(loop) === "DISCONNECTED", "the loop");
      assert(await codeOf(answer.result) === "DISCONNECTED", "the result");
      await ended(stage, key);
      await within(client.ready, 4_000, "a new connection");
      const again = client.stream({ key: crypto.randomUUID(), to: 20 });
      assert((await again.result).total === 20, "a new stream");
    },
  ),
  defineCase(
    "promises",
    "a server that goes lets a stream run for the drain, then ends it with UNAVAILABLE",
    async (stage) => {
      const client = await stage.user({ reconnect: false });
      const key = crypto.randomUUID();
      const answer = client.stream({ key, how: "pause" });
      let last = 0;
      let atClose = 0;
      const loop = (async () => {
        for await (const { n } of answer) {
          last = n;
          if (n !== 3) continue;
          atClose = n;
          await stage.control("close", 300);
        }
      })();
      assert(await codeOf(loop) === "UNAVAILABLE", "the loop");
      assert(last > atClose, `${last} after ${atClose}`);
      await ended(stage, key);
    },
  ),
  defineCase(
    "safe",
    "a generator that throws, or yields what its schema refuses, is INTERNAL and reported",
    async (stage) => {
      const client = await stage.user();
      for (const how of ["throw", "wrong"]) {
        const key = crypto.randomUUID();
        const answer = client.stream({ key, how });
        const seen: number[] = [];
        const loop = (async () => {
          for await (const { n } of answer) seen.push(n);
        })();
        const { code, message } = await rejection(loop) as SocketError;
        assert(code === "INTERNAL", `${how}: ${code}`);
        assert(message === "The server failed", message);
        assert(seen.join() === "1", `${how}: ${seen}`);
        await ended(stage, key);
      }
      await stage.reports(
        "both are reported",
        ({ log }) => log.filter(({ kind }) => kind === "error").length === 2,
      );
    },
  ),
  defineCase(
    "promises",
    "large items to a slow reader arrive whole, and the generator waits for it",
    async (stage) => {
      const client = await stage.user();
      const key = crypto.randomUUID();
      const answer = client.stream({ key, pad: 20_000, to: 120 });
      let count = 0;
      for await (const { n, pad } of answer) {
        assert(n === ++count && pad.length === 20_000, String(n));
        if (n % 40 === 0) await pause(20);
      }
      assert(count === 120, String(count));
      assert(await ended(stage, key) === 120, "to its end");
      const { dropped } = await stage.control("report");
      assert(dropped === 0, `${dropped} dropped`);
    },
    { preset: "small" },
  ),
  defineCase(
    "promises",
    "a declared error arrives with its data, as its schema gives it back",
    async (stage) => {
      const client = await stage.user();
      const low = await settle(client.bid({ how: "low" }));
      assert(low.error?.code === "BID_TOO_LOW", String(low.error));
      assert(low.error.data.minimum === 11, JSON.stringify(low.error.data));
      assert(low.error.message === "Bid more", low.error.message);
      const stray = await settle(client.bid({ how: "stray" }));
      assert(
        JSON.stringify(stray.error?.data) === '{"minimum":11}',
        JSON.stringify(stray.error?.data),
      );
      const filled = await settle(client.bid({ how: "default" }));
      assert(filled.error?.code === "CLOSED", String(filled.error));
      assert(filled.error.data.at === "noon", filled.error.data.at);
      const own = await settle(client.bid({ how: "own" }));
      assert(own.error?.code === "FORBIDDEN", String(own.error));
      assert((await settle(client.bid({ how: "" }))).ok, "nothing failed");
    },
  ),
  defineCase(
    "safe",
    "an error that is not declared, or whose data its schema refuses, is INTERNAL and reported",
    async (stage) => {
      const client = await stage.user();
      for (const how of ["wrong", "other"]) {
        const { error } = await settle(client.bid({ how }));
        assert(error?.code === "INTERNAL", `${how}: ${error}`);
        assert(error.data === undefined, JSON.stringify(error.data));
      }
      await stage.reports(
        "both are reported",
        ({ log }) => log.filter(({ kind }) => kind === "error").length === 2,
      );
    },
  ),
];
