/**
 * What one node tells another about single connections: a head, and for some a client's frame behind it, undecoded.
 *
 * @module
 */
import { concat } from "../../wire/bytes.ts";
import {
  blockFrame,
  type Fields,
  type Frame,
  plainFrame,
  read,
} from "../../wire/protocol.ts";

/** One letter, read. */
export interface Letter {
  /** Its tag and fields. */
  readonly head: Fields;
  /** The client's frame that it carries, where its tag has one. */
  readonly body: Frame | undefined;
}

/** The tags that a client's frame follows. */
const WITH_BODY = new Set(["to", "call", "back"]);
const NOTHING = new Uint8Array();
const decoder = new TextDecoder();

/** How many frames a letter is. */
export function lengthOf(body: Frame | undefined): number {
  return body === undefined ? 1 : 2;
}

/** Joins head and body, of the body's kind. */
export function writeLetter(head: Fields, body?: Frame): Frame {
  const text = plainFrame(...head);
  if (body === undefined) return text;
  return typeof body === "string"
    ? `${text}\n${body}`
    : concat([blockFrame(text, NOTHING), body]);
}

/**
 * Reads letters.
 *
 * @throws {TypeError} At one that is none
 */
export function* readLetters(frames: Frame): Iterable<Letter> {
  const parts = typeof frames === "string"
    ? frames.split("\n")
    : splitBlocks(frames);
  for (let at = 0; at < parts.length; at++) {
    const [head] = read(parts[at] ?? "");
    if (!head?.ok) throw new TypeError(head?.flaw);
    const body = WITH_BODY.has(head.fields[0]) ? parts[++at] : undefined;
    yield { head: head.fields, body };
  }
}

/** The frame of a question, made with id 0, under an id of its connection's. */
export function numbered(frame: Frame, id: number): Frame {
  if (typeof frame === "string") return renumber(frame, id);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const end = 4 + view.getUint32(0);
  const head = renumber(decoder.decode(frame.subarray(4, end)), id);
  return blockFrame(head, frame.subarray(end + 4));
}

function renumber(frame: string, id: number): string {
  return `["req",${id}${frame.slice('["req",0'.length)}`;
}

function splitBlocks(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const start = at;
    at += 4 + view.getUint32(at);
    if (at + 4 > bytes.length) break;
    at += 4 + view.getUint32(at);
    parts.push(bytes.subarray(start, at));
  }
  return parts;
}
