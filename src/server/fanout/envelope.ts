/**
 * What nodes send each other: frames under a line that says who sent them, and in which order.
 *
 * @module
 */
import { fromBase64, toBase64 } from "../../wire/bytes.ts";
import { countOf } from "./sequences.ts";
import type { Frame } from "../../wire/protocol.ts";

/** One envelope: `1 <nodeId> <epoch> <seq> <t|b>`, a line feed, the frames. */
export interface Envelope {
  /** Who sent it. */
  readonly nodeId: string;
  /** Which count `seq` belongs to; another epoch starts another count. */
  readonly epoch: string;
  /** The envelope's number in its channel and epoch, from 1, without holes. */
  readonly seq: number;
  /** The frames: text as it goes to a client, or binary blocks. */
  readonly frames: Frame;
}

/** Makes a payload of frames: text as it goes to a client, or binary blocks. */
export function seal(
  nodeId: string,
  epoch: string,
  seq: number,
  frames: Frame,
): string {
  const text = typeof frames === "string";
  return `1 ${nodeId} ${epoch} ${seq} ${text ? "t" : "b"}\n${
    text ? frames : toBase64(frames)
  }`;
}

/** Reads a payload; `undefined` when it is not an envelope of ours. The frames are not checked. */
export function unseal(payload: string): Envelope | undefined {
  const end = payload.indexOf("\n");
  if (end < 0 || end > 300) return undefined;
  const head = HEAD.exec(payload.slice(0, end));
  if (!head) return undefined;
  const [, nodeId = "", epoch = "", seq, kind] = head;
  const body = payload.slice(end + 1);
  const frames = kind === "t" ? body : fromBase64(body);
  return frames?.length
    ? { nodeId, epoch, seq: Number(seq), frames }
    : undefined;
}

const HEAD = /^1 (\S{1,128}) (\S{1,64}) ([1-9]\d{0,14}) ([tb])$/;
/** What a node remembers of one sender on one channel. */
export interface Position {
  /** The current epoch. */
  epoch: string;
  /** The epochs before it, the latest first; their late envelopes are old. */
  before: string[];
  /** The last envelope's number. */
  seq: number;
}

/** How many earlier epochs are remembered: renewed every 20 s, so two minutes of them. */
const REMEMBERED = 6;

/**
 * Decides whether an envelope is new, and moves the position on.
 *
 * @param position Where the sender was, `undefined` at its first envelope
 * @returns The new position and how many envelopes are missing before this one, or `undefined` for one that was seen or is older
 */
export function advance(
  position: Position | undefined,
  { epoch, seq }: Envelope,
): { readonly position: Position; readonly missed: number } | undefined {
  if (!position) return { position: { epoch, before: [], seq }, missed: 0 };
  if (epoch === position.epoch) {
    if (seq <= position.seq) return undefined;
    const missed = seq - position.seq - 1;
    position.seq = seq;
    return { position, missed };
  }
  if (position.before.includes(epoch)) return undefined;
  // A renewed epoch goes on counting. Where its number is lower, the one before was forged.
  const last = countOf(epoch) === countOf(position.epoch) ? position.seq : 0;
  position.before.unshift(position.epoch);
  position.before.length = Math.min(position.before.length, REMEMBERED);
  position.epoch = epoch;
  position.seq = seq;
  return { position, missed: Math.max(0, seq - last - 1) };
}
