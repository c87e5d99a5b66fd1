/**
 * Frames of other nodes, checked before anybody gets them: whoever may write to the broker can write anything.
 *
 * @module
 */
import { readTopic } from "../../contract/params.ts";
import { concat } from "../../wire/bytes.ts";
import { isDeeper } from "../../wire/depth.ts";
import {
  type Fields,
  type Frame,
  frameOf,
  read,
  type Unread,
} from "../../wire/protocol.ts";

/** Frames that one node sent on a channel. */
export interface Delivery {
  /** The node that sent them. */
  readonly nodeId: string;
  /** The frames as they go to clients: text, or binary blocks. */
  readonly frames: Frame;
  /** The same frames, read; one at least. */
  readonly fields: readonly Fields[];
}

/** What {@linkcode admit} found in a payload. */
export interface Admission {
  /** The frames that are allowed, joined; `undefined` when none is. */
  readonly frames: Frame | undefined;
  /** The same frames, read. */
  readonly fields: readonly Fields[];
  /** How many frames were refused. */
  readonly refused: number;
  /** Why the first of these was refused. */
  readonly flaw: string | undefined;
}

/**
 * Reads frames, and refuses each that is no frame or that nodes do not send on channels of this kind. Total.
 *
 * @param tags The tags that nodes send on it
 */
export function admit(tags: ReadonlySet<string>, frames: Frame): Admission {
  const outcomes = read(frames, tooDeep);
  const fields: Fields[] = [];
  let refused = 0;
  let flaw: string | undefined;
  for (const outcome of outcomes) {
    if (outcome.ok && tags.has(outcome.fields[0]) && isWhole(outcome.fields)) {
      fields.push(outcome.fields);
      continue;
    }
    refused++;
    flaw ??= outcome.ok
      ? "nodes send no such frame on this kind of channel"
      : outcome.flaw;
  }
  if (refused === 0) return { frames, fields, refused, flaw };
  return { frames: joined(fields), fields, refused, flaw };
}

/** The deepest nesting of what nodes send: a message of theirs has a client's frame some levels down. */
const MAX_DEPTH = 1_000;
const DEPTH_FLAW: Unread = {
  ok: false,
  flaw: `it is nested too deep, must be at most ${MAX_DEPTH} levels`,
};

function tooDeep(text: string): Unread | undefined {
  return isDeeper(text, MAX_DEPTH) ? DEPTH_FLAW : undefined;
}

/** Whether a frame that carries a payload for an application names its entry. */
function isWhole([tag, name]: Fields): boolean {
  if (tag === "pub") return readTopic(name) !== undefined;
  return !NAMED.has(tag) || typeof name === "string";
}

const NAMED: ReadonlySet<string> = new Set(["evt", "srv"]);

/** Joins frames that were read from one payload: all text, or all binary. */
export function joined(fields: readonly Fields[]): Frame | undefined {
  const frames = fields.map(frameOf);
  const [first] = frames;
  if (first === undefined || typeof first === "string") {
    return first && frames.join("\n");
  }
  return concat(frames as Uint8Array[]); // of one payload, so all are of one kind
}
