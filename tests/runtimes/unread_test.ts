import { expect, test } from "bun:test";
import { Unread } from "../../src/runtimes/cloudflare/read_receipts.ts";

const QUESTION = '["req",9007199254740991,""]';
const ANSWER = '["err",9007199254740991,"NOT_FOUND","NOT_FOUND"]';
const kilobytes = (n: number) => "x".repeat(n * 1_024);

test("a peer is asked after 64 KiB, once at a time, and what it answered for counts as read", () => {
  const unread = new Unread();
  expect(unread.sent(kilobytes(63))).toBeUndefined();
  expect(unread.bytes).toBeUndefined();
  expect(unread.sent(kilobytes(1))).toBe(QUESTION);
  expect(unread.sent(new Uint8Array(100_000))).toBeUndefined();
  expect(unread.bytes).toBe(165_536);
  expect(unread.answered(ANSWER)).toEqual({ next: QUESTION, only: true });
  expect(unread.bytes).toBe(100_000);
  expect(unread.sent("a")).toBeUndefined();
  expect(unread.answered(ANSWER)).toEqual({ next: undefined, only: true });
  expect(unread.bytes).toBeUndefined();
  expect(unread.answered(ANSWER)).toBeUndefined();
});

test("an answer is found among other frames, in text and in binary, and nowhere inside of a payload", () => {
  const others = '["req",1,"echo",{}]';
  const among = {
    text: `${others}\n${ANSWER}`,
    before: `${ANSWER}\n${others}`,
    binary: new TextEncoder().encode(`\0\0\0\x30${ANSWER}\0\0\0\0`).buffer,
  };
  for (const message of Object.values(among)) {
    const unread = new Unread();
    unread.sent(kilobytes(64));
    expect(unread.answered(message)).toEqual({ next: undefined, only: false });
  }
  const unread = new Unread();
  unread.sent(kilobytes(64));
  const quoted = JSON.stringify(["req", 1, "echo", { text: ANSWER }]);
  expect(unread.answered(quoted)).toBeUndefined();
  expect(unread.answered(ANSWER.replace("9007", "8007"))).toBeUndefined();
  const result = '["res",9007199254740991,{}]'; // from a client that answers whatever it is asked
  expect(unread.answered(result)).toEqual({ next: undefined, only: true });
});
