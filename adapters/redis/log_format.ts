/**
 * How entries and pushes of logs look in Redis.
 *
 * @module
 */
import type { LogEntry, LogRead } from "../../src/seams/log.ts";
import {
  formatPosition,
  parsePosition,
  type Position,
} from "../../src/wire/position.ts";
import { slotOf } from "./slots.ts";

/** What a push of a log starts with. */
const PUSH = "\x01";
const HEAD = new RegExp(`^${PUSH}(\\d{7,20})-(\\d{1,12}) `);
/** What {@linkcode startOf} makes. */
const START = "([\\w-]{1,64}) (\\d{1,10}) (\\d{1,16}) ";
/** What is put before a payload that starts like a push, or with this. */
const ESCAPE = "\x02";

/** Makes a payload one that is not taken for a push. */
export function escape(payload: string): string {
  const code = payload.charCodeAt(0);
  return code === 1 || code === 2 ? ESCAPE + payload : payload;
}

/** Undoes {@linkcode escape}. */
export function unescape(text: string): string {
  return text.charCodeAt(0) === 2 ? text.slice(1) : text;
}

/** Tells whether what came on a channel is a push of its log. */
export function isPush(text: string): boolean {
  return text.charCodeAt(0) === 1;
}

/** The start of a message: its tag, the payload's length, and when it expires, by the clock of Redis. */
export function startOf(tag: string, payload: string, goneAt: number): string {
  return `${tag} ${payload.length} ${goneAt} `;
}

/** Reads a push; `undefined` when it is not one of ours. */
export function parsePush(text: string): LogEntry[] | undefined {
  const [head, first, from] = HEAD.exec(text) ?? [];
  if (head === undefined || first === undefined) return undefined;
  const entry = new RegExp(START, "y");
  const epoch = epochOf(first);
  const entries: LogEntry[] = [];
  let at = head.length;
  for (let n = Number(from); at < text.length; n++) {
    entry.lastIndex = at;
    const [start, tag, length] = entry.exec(text) ?? [];
    if (start === undefined || tag === undefined) return undefined;
    at += start.length + Number(length);
    entries.push({
      position: formatPosition(epoch, n, tag),
      payload: text.slice(at - Number(length), at),
    });
  }
  return at === text.length ? entries : undefined;
}

/** The name of an epoch, of the first part of its ids. Sorts as that does. */
export function epochOf(first: string): string {
  return BigInt(first).toString(36).padStart(13, "0");
}

/** The first part of the ids of an epoch; `undefined` where it has none. */
export function firstOf(epoch: string): string | undefined {
  if (!/^[0-9a-z]{13}$/.test(epoch)) return undefined;
  let value = 0n;
  for (const digit of epoch) value = value * 36n + BigInt(parseInt(digit, 36));
  return value < 2n ** 64n ? `${value}` : undefined;
}

/** Reads the answer of the script that reads. */
export function toRead(
  answer: unknown,
  after: Position | undefined,
  limit: number,
): LogRead | undefined {
  if (!Array.isArray(answer)) return undefined;
  const now = Number(answer[0]);
  const newest = toStored(answer[1]);
  if (!newest || !Array.isArray(answer[2])) return undefined;
  const stored = answer[2].map(toStored);
  if (!stored.every((it) => it !== undefined)) return undefined;
  const head = newest.position;
  if (after === undefined) {
    const entries = stored.filter(({ goneAt }) => goneAt > now)
      .slice(0, limit).reverse().map(toEntry);
    return { entries, head, whole: true };
  }
  const [at, ...rest] = stored;
  const whole = at?.position === after &&
    rest.every(({ n, goneAt }, index) =>
      n === at.n + 1 + index && goneAt > now
    ) && (rest.length > 0 || head === after);
  return { entries: whole ? rest.map(toEntry) : [], head, whole };
}

const STORED = new RegExp(`^${START}`);

interface Stored extends LogEntry {
  readonly n: number;
  /** When it expires, by the clock of Redis; 0 for a mark. */
  readonly goneAt: number;
}

function toStored(entry: unknown): Stored | undefined {
  const [id, value] = Array.isArray(entry) ? entry : [];
  const [, first, n] = /^(\d{7,20})-(\d{1,12})$/.exec(String(id)) ?? [];
  const [start, tag, , goneAt] = STORED.exec(String(value)) ?? [];
  if (first === undefined || tag === undefined || start === undefined) {
    return undefined;
  }
  return {
    position: formatPosition(epochOf(first), Number(n), tag),
    payload: String(value).slice(start.length),
    n: Number(n),
    goneAt: Number(goneAt),
  };
}

function toEntry({ position, payload }: Stored): LogEntry {
  return { position, payload };
}

/** What a position is in ids of Redis; `undefined` for one of another adapter's. */
export function idOf(
  position: Position,
): { readonly first: string; readonly n: number } | undefined {
  const parts = parsePosition(position);
  const first = parts && firstOf(parts.epoch);
  return parts && first !== undefined ? { first, n: parts.n } : undefined;
}

/**
 * The keys of a log: each in the slot of its channel, so that one script may use them and publish there.
 *
 * @param name The channel's name on Redis
 */
export function logKey(name: string, kind: "log" | "id"): string {
  const open = name.indexOf("{");
  const end = open < 0 ? -1 : name.indexOf("}", open + 1);
  if (end > open + 1) return `${name}@${kind}`; // the part in braces counts
  if (!name.includes("}")) return `{${name}}@${kind}`;
  const slot = slotOf(name);
  for (let at = 0;; at++) {
    if (slotOf(`{${at}}`) === slot) return `{${at}}${name}@${kind}`;
  }
}
