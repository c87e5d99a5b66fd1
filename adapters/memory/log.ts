/**
 * The logs of kept topics, in memory.
 *
 * @module
 */
import type {
  Appended,
  AppendOptions,
  LogEntry,
  LogRead,
} from "../../src/seams/log.ts";
import {
  formatPosition,
  parsePosition,
  type Position,
} from "../../src/wire/position.ts";

/** How long a log stays after its last append, in milliseconds. */
const LOG_MS = 86_400_000;
/** How many logs each append looks at, to let go what has expired there. */
const LOOK_AT = 2;

interface Kept {
  readonly tag: string;
  readonly payload: string;
  readonly goneAt: number;
  readonly id: string | undefined;
}

interface Log {
  readonly epoch: string;
  /** The number and the tag right before the first entry: what a reader may have and miss nothing. */
  base: number;
  baseTag: string;
  /** Those before `start` are gone. */
  entries: (Kept | undefined)[];
  start: number;
  /** The number of the entry with an id of the application's. */
  readonly ids: Map<string, number>;
  usedAt: number;
}

/** All logs of one bus. A failing bus keeps them. */
export class MemoryLogs {
  readonly #logs = new Map<string, Log>();
  #looking: Iterator<[string, Log]> | undefined;
  #tags = 0;

  /** How many there are. */
  get size(): number {
    return this.#logs.size;
  }

  /** Forgets all, as a broker does that was restarted with nothing. */
  clear(): void {
    this.#logs.clear();
    this.#looking = undefined;
  }

  /**
   * Stores one payload.
   *
   * @param broken Whether the log begins a new epoch
   */
  append(
    channel: string,
    payload: string,
    { last, forMs, id }: AppendOptions,
    broken: boolean,
  ): Appended & { readonly kept: true } {
    const now = Date.now();
    this.#letGo(now);
    const log = this.#log(channel, now, broken);
    const first = id === undefined ? undefined : log.ids.get(id);
    if (first !== undefined) {
      const { tag = "" } = entryAt(log, first) ?? {};
      const position = formatPosition(log.epoch, first, tag);
      return { kept: true, position, repeated: true };
    }
    const tag = this.#tag();
    log.entries.push({ tag, payload, goneAt: now + forMs, id });
    const n = log.base + log.entries.length - log.start;
    if (id !== undefined) log.ids.set(id, n);
    while (log.entries.length - log.start > last) dropFirst(log);
    return {
      kept: true,
      position: formatPosition(log.epoch, n, tag),
      repeated: false,
    };
  }

  /** Reads, and marks a log that is empty. */
  read(
    channel: string,
    after: Position | undefined,
    limit: number,
  ): LogRead {
    const log = this.#log(channel, Date.now(), false);
    const count = log.entries.length - log.start;
    const head = positionAt(log, log.base + count);
    if (after === undefined) {
      const from = log.base + 1 + Math.max(0, count - limit);
      return { entries: entriesFrom(log, from, limit), head, whole: true };
    }
    const { epoch, n = 0 } = parsePosition(after) ?? {};
    const whole = epoch === log.epoch && n >= log.base &&
      n <= log.base + count && positionAt(log, n) === after;
    const entries = whole ? entriesFrom(log, n + 1, limit) : [];
    return { entries, head, whole };
  }

  #log(channel: string, now: number, anew: boolean): Log {
    let log = this.#logs.get(channel);
    if (log) this.#logs.delete(channel); // behind those that were not used since
    if (!log || anew || now - log.usedAt > LOG_MS) {
      log = {
        epoch: crypto.randomUUID().replaceAll("-", "").slice(0, 12),
        base: 0,
        baseTag: this.#tag(),
        entries: [],
        start: 0,
        ids: new Map(),
        usedAt: now,
      };
    }
    log.usedAt = now;
    this.#logs.set(channel, log);
    expire(log, now);
    return log;
  }

  #tag(): string {
    return (this.#tags++).toString(36);
  }

  /** Looks at a few logs in turn: without a timer, since that would keep a program awake. */
  #letGo(now: number): void {
    for (let looked = 0; looked < LOOK_AT; looked++) {
      this.#looking ??= this.#logs.entries();
      const { value, done } = this.#looking.next();
      if (done) {
        this.#looking = undefined;
        return;
      }
      const [channel, log] = value;
      if (now - log.usedAt > LOG_MS) this.#logs.delete(channel);
      else expire(log, now);
    }
  }
}

function entryAt(log: Log, n: number): Kept | undefined {
  return log.entries[log.start + n - log.base - 1];
}

function positionAt(log: Log, n: number): Position {
  const tag = n === log.base ? log.baseTag : entryAt(log, n)?.tag ?? "";
  return formatPosition(log.epoch, n, tag);
}

function entriesFrom(log: Log, from: number, limit: number): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let n = from; entries.length < limit; n++) {
    const entry = entryAt(log, n);
    if (!entry) break;
    entries.push({ position: positionAt(log, n), payload: entry.payload });
  }
  return entries;
}

function expire(log: Log, now: number): void {
  for (
    let first = log.entries[log.start];
    first && first.goneAt <= now;
    first = log.entries[log.start]
  ) dropFirst(log);
}

function dropFirst(log: Log): void {
  const first = log.entries[log.start];
  if (!first) return;
  log.entries[log.start++] = undefined;
  log.base++;
  log.baseTag = first.tag;
  if (first.id !== undefined) log.ids.delete(first.id);
  // Not at each one: that would move all that follow.
  if (log.start > 64 && log.start * 2 > log.entries.length) {
    log.entries = log.entries.slice(log.start);
    log.start = 0;
  }
}
