/**
 * The format of payloads in Redis streams: a few streams for all channels, so that one read returns the messages of
 * all.
 *
 * @module
 */

/** The number of streams. It is part of their keys, so that nodes with another number do not share some of them. */
export const SHARDS = 8;
/** About how many entries a stream keeps: a thousand of one turn, some of which a retry repeats. */
export const STREAM_LENGTH = 2_000;
/** The time to live of a stream without a writer, in seconds. */
export const STREAM_TTL_S = 86_400;
/** How often a node renews that, in milliseconds. */
export const RENEW_MS = 3_600_000;

const encoder = new TextEncoder();

/** Returns the stream of a channel: FNV-1a of its name. */
export function shardOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(channel)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0) % SHARDS;
}

/** Returns a stream's key. */
export function shardKey(prefix: string, shard: number): string {
  return `${prefix}:1:${SHARDS}:${shard}`;
}

/**
 * Returns the channel for notifications of new entries. No application channel can have this name: none has an @ before
 * the first colon.
 */
export function wakeChannel(prefix: string): string {
  return `${prefix}@wake`;
}

/** One entry of a stream. */
export interface Entry {
  readonly channel: string;
  readonly payload: string;
  /** The id of the adapter instance that wrote the entry. */
  readonly instance: string;
  /** The entry's number. The numbers of one instance in one stream increase. */
  readonly seq: number;
}

/**
 * Builds an entry's fields. Each value starts with a letter, since Upstash clients parse values that look like JSON.
 */
export function toFields(
  { channel, payload, instance, seq }: Entry,
): Record<"c" | "d" | "i", string> {
  return { c: `c${channel}`, d: `s${payload}`, i: `i${instance}.${seq}` };
}

/** Returns the arguments of XADD, for clients that take them as an array. */
export function xaddArgs(
  key: string,
  fields: Readonly<Record<string, string>>,
): string[] {
  const trim = ["MAXLEN", "~", `${STREAM_LENGTH}`];
  return [key, ...trim, "*", ...Object.entries(fields).flat()];
}

/** Parses an entry's fields by name. Returns `undefined` for an entry that no adapter wrote. */
export function fromFields(fields: unknown): Entry | undefined {
  if (!Array.isArray(fields)) return undefined;
  const values = new Map<unknown, unknown>();
  for (let at = 0; at < fields.length; at += 2) {
    values.set(fields[at], fields[at + 1]);
  }
  const [channel, payload, id] = ["c", "d", "i"].map((it) => values.get(it));
  if (
    typeof channel !== "string" || !channel.startsWith("c") ||
    typeof payload !== "string" || !payload.startsWith("s")
  ) return undefined;
  const [, instance, seq] = /^i([\w-]{1,64})\.([1-9]\d{0,14})$/
    .exec(String(id)) ?? [];
  return instance === undefined ? undefined : {
    channel: channel.slice(1),
    payload: payload.slice(1),
    instance,
    seq: Number(seq),
  };
}

/** Builds a notification: the writer's id, and the number of its last entry in each stream. */
export function announce(
  instance: string,
  last: ReadonlyMap<number, number>,
): string {
  return [instance, ...[...last].map(([at, seq]) => `${at}.${seq}`)].join(" ");
}

/** The id before every entry. */
export const FIRST_ID = "0-0";

/** Tells whether a value is an entry's id: milliseconds and a number. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,20}-\d{1,20}$/.test(value);
}

/** Compares two ids by number. As texts, 9-0 would come after 10-0. */
export function compareIds(a: string, b: string): number {
  const [ms = "", seq = ""] = a.split("-");
  const [otherMs = "", otherSeq = ""] = b.split("-");
  return compareNumbers(ms, otherMs) || compareNumbers(seq, otherSeq);
}

/** Returns the id right before another one. */
export function idBefore(id: string): string {
  const [ms = "0", seq = "0"] = id.split("-");
  if (seq !== "0") return `${ms}-${BigInt(seq) - 1n}`;
  return ms === "0" ? FIRST_ID : `${BigInt(ms) - 1n}-18446744073709551615`; // the largest number
}

function compareNumbers(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
