/**
 * One kept channel on one node: where the node stands in the log, and what it delivered last.
 *
 * Pushes and reads travel separately, so either may bring what the other brought already. The cursor decides: what is
 * at or before it is dropped however it came, and what goes past it is delivered to all members at once. A subscriber
 * becomes a member in the same turn in which it was sent everything up to the cursor, so nothing is held for it alone.
 *
 * @module
 */
import type { Topic } from "../../contract/define.ts";
import type { LogEntry, LogRead, LogStore } from "../../seams/log.ts";
import { SocketError } from "../../wire/errors.ts";
import {
  formatPosition,
  parsePosition,
  type Position,
  type PositionParts,
} from "../../wire/position.ts";
import type { Frame } from "../../wire/protocol.ts";
import type { TopicCounters } from "../stats/counters.ts";
import type { TopicFrames } from "./frames.ts";
import { Ring, type RingEntry } from "./ring.ts";

/** What a kept channel needs of its node. */
export interface ChannelHost {
  /** The logs. */
  readonly log: LogStore;
  readonly counters: TopicCounters;
  /** The most bytes that are kept in memory while somebody waits for a read or a snapshot. */
  readonly maxBufferedBytes: number;
  /** Sends a frame to all members on this node. */
  deliver(channel: string, frame: Frame): void;
  /** Counts something in a log that no node of this contract has written. */
  refuse(channel: string, flaw: string): void;
  /** Something failed in the background. */
  report(error: unknown): void;
}

/** Where something stands in the log. */
interface Cursor extends PositionParts {
  readonly text: Position;
}

/** What was found after a position. */
export interface Found {
  /** Whether nothing is missing. */
  readonly whole: boolean;
  /** The messages, oldest first; more may follow. */
  readonly entries: readonly RingEntry[];
}

/** Asks {@linkcode KeptChannel.find} where the log stands. */
export const ANYWHERE: unique symbol = Symbol("anywhere");
const NOTHING: Found = { whole: true, entries: [] };
/** After how many reads in a row that brought nothing a hole is given up. */
const MAX_FRUITLESS = 6;
/** How many messages one read asks for. */
const PAGE = 500;
/** What the ring may take while nobody waits, in bytes. */
const IDLE_BYTES = 65_536;
/** How long a push of this node's own message may take before the node reads it, in milliseconds. */
const OWN_PUSH_MS = 500;

/** Who asks for the messages after one position. */
interface Asked {
  readonly promise: Promise<Found>;
  resolve(found: Found): void;
  reject(error: unknown): void;
}

/** A kept channel that has members, or somebody who wants to be one. */
export class KeptChannel {
  readonly name: string;
  readonly topic: Topic;
  readonly frames: TopicFrames;
  readonly #host: ChannelHost;
  readonly #last: number;
  /** The newest message that was delivered, or the place behind which delivery starts. */
  #cursor: Cursor | undefined;
  #ring = new Ring("");
  #baseN = 0;
  /** Pushes that came while the node reads. */
  #held: LogEntry[] = [];
  #heldBytes = 0;
  #recovering: Promise<void> | undefined;
  /** How many wait for a read or a snapshot. */
  #waiting = 0;
  #closed = false;
  readonly #reached = new Set<() => void>();
  /** Who asks in this turn, by the position after which they read. */
  #asked: Map<Position | typeof ANYWHERE, Asked> | undefined;
  /** The read of the turn before, which may answer those who ask now. */
  #asking: Promise<void> | undefined;
  /** How many reads in a row did not bring what a push showed to be there. */
  #fruitless = 0;
  #staleHeld = 0;

  constructor(
    host: ChannelHost,
    name: string,
    topic: Topic,
    frames: TopicFrames,
  ) {
    this.#host = host;
    this.name = name;
    this.topic = topic;
    this.frames = frames;
    this.#last = topic.keep?.last ?? 1;
  }

  /** Whether it delivers a last value, and may skip what is before it. */
  get isLatest(): boolean {
    return this.#last === 1;
  }

  /** Where delivery stands; there is one after {@linkcode find}. */
  get cursor(): Cursor {
    if (this.#cursor) return this.#cursor;
    throw new TypeError(
      "Cannot tell the position: the channel has not started",
    );
  }

  /** The newest message, if it is known. */
  get newest(): RingEntry | undefined {
    return this.#ring.after(this.#ring.base, this.#baseN, this.#baseN)?.at(-1);
  }

  /** More is kept in memory until the returned function is called. */
  wait(): () => void {
    this.#waiting++;
    let waits = true;
    return () => {
      if (waits) this.#waiting--;
      waits = false;
    };
  }

  /** Nobody is left. */
  close(): void {
    this.#closed = true;
    this.#held = [];
    this.#tellReached();
  }

  /** Takes messages as they were pushed. */
  take(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#take(entry);
  }

  /** Reads again, since pushes may be missing; or since the log may be another one. */
  recover(): void {
    if (!this.#cursor || this.#closed) return;
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
      this.#release(this.#staleHeld);
    });
  }

  /** Resolves when it does not read because of a loss. */
  async recovered(): Promise<void> {
    await this.#recovering;
  }

  /**
   * Takes a message of this node's own, whose push may still be under way, and waits until the members have it.
   *
   * @returns Resolves then, or when that takes too long
   */
  async served(position: Position, payload: string): Promise<void> {
    if (!this.#cursor || this.#closed || this.#isPast(position)) return;
    const at = parsePosition(position);
    if (
      at && !this.#recovering && at.epoch === this.#cursor.epoch &&
      (at.n === this.#cursor.n + 1 || this.isLatest)
    ) return this.#deliver({ position, payload }, at);
    let late = false;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!late && !this.#closed && !this.#isPast(position)) return;
        this.#reached.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(async () => {
        this.recover();
        await this.#recovering;
        late = true;
        look();
      }, OWN_PUSH_MS);
      this.#reached.add(look);
    });
  }

  /**
   * The messages after a position up to the cursor, from memory.
   *
   * @returns `undefined` when they are not in memory
   */
  known(after: Position): readonly RingEntry[] | undefined {
    const at = parsePosition(after);
    if (!at || !this.#cursor || at.epoch !== this.#cursor.epoch) {
      return undefined;
    }
    return this.#ring.after(after, at.n, this.#baseN);
  }

  /**
   * The messages after a position, from memory or from the log; who asks in one turn shares one read. The channel must be
   * live before, and has a cursor afterwards.
   *
   * @param after The position, or {@linkcode ANYWHERE} to find out where the log stands
   * @returns Not all up to the cursor where they are many: ask again from the last one
   * @throws {SocketError} UNAVAILABLE when the log cannot be read
   */
  async find(after: Position | typeof ANYWHERE): Promise<Found> {
    let aheadRead = false;
    for (;;) {
      if (after === ANYWHERE && this.#cursor) return NOTHING;
      const known = after !== ANYWHERE && this.known(after);
      if (known) return { whole: true, entries: known };
      if (!aheadRead && after !== ANYWHERE && this.#isAhead(after)) {
        aheadRead = true;
        this.recover();
        await this.#recovering;
        continue;
      }
      if (!this.#asking) break;
      this.#host.counters.sharedReads++;
      await this.#asking;
    }
    if (!this.#asked) {
      this.#asked = new Map();
      queueMicrotask(() => {
        const asked = this.#asked ?? new Map();
        this.#asked = undefined;
        this.#asking = this.#ask(asked).finally(() => this.#asking = undefined);
      });
    }
    let asked = this.#asked.get(after);
    if (asked) this.#host.counters.sharedReads++;
    else this.#asked.set(after, asked = createAsked());
    return await asked.promise;
  }

  /**
   * The newest messages of the epoch.
   *
   * @param count How many at most
   * @returns The messages, and a place before the first of them
   */
  async recent(
    count: number,
  ): Promise<Found & { readonly from: Position }> {
    const { entries, head } = await this.#read(undefined, count);
    const epoch = parsePosition(head)?.epoch;
    const own = this.#rendered(entries).filter(({ position }) =>
      parsePosition(position)?.epoch === epoch
    );
    const first = own[0] && parsePosition(own[0].position);
    // No message may stand there: it is never read from, since the messages follow at once.
    const from = first ? formatPosition(first.epoch, first.n - 1, "0") : head;
    return { whole: true, entries: own, from };
  }

  async #ask(
    asked: Map<Position | typeof ANYWHERE, Asked>,
  ): Promise<void> {
    const anywhere = asked.get(ANYWHERE);
    asked.delete(ANYWHERE);
    try {
      if (asked.size === 0) {
        const { head, entries } = await this.#read(undefined, 1);
        this.#start(head, entries.at(-1));
      } else {
        if (asked.size > 1) await this.#askTogether(asked);
        for (const [given, { resolve }] of asked) {
          const after = given as Position; // the other key was taken out
          const read = await this.#read(after, PAGE);
          const entries = this.#rendered(read.entries);
          if (!this.#cursor) this.#start(read.whole ? after : read.head);
          if (read.whole) {
            this.#absorb(after, entries);
            this.#follow(read.head);
          } else this.#suspect(read.head);
          asked.delete(after);
          resolve({ whole: read.whole, entries });
        }
      }
      anywhere?.resolve(NOTHING);
    } catch (error) {
      for (const { reject } of asked.values()) reject(error);
      anywhere?.reject(error);
    }
  }

  /** One read for all, in which each looks for its own position. */
  async #askTogether(
    asked: Map<Position | typeof ANYWHERE, Asked>,
  ): Promise<void> {
    const read = await this.#read(undefined, this.#last + 1);
    const entries = this.#rendered(read.entries);
    this.#start(read.head);
    this.#suspect(read.head);
    for (const [after, { resolve }] of asked) {
      const found = within(entries, read.head, after as Position); // the other key was taken out
      if (!found) continue; // it reads for itself
      asked.delete(after);
      if (found.whole) this.#absorb(after as Position, found.entries);
      this.#host.counters.sharedReads++;
      resolve(found);
    }
  }

  /** Starts to deliver behind a position, unless it was done before. */
  #start(head: Position, newest?: LogEntry): void {
    if (this.#cursor || this.#closed) return;
    this.#startAt(head, this.isLatest ? newest : undefined);
    this.#release(0);
  }

  async #read(
    after: Position | undefined,
    limit: number,
  ): Promise<LogRead> {
    this.#host.counters.reads++;
    try {
      return await this.#host.log.read(this.name, after, limit);
    } catch (cause) {
      throw new SocketError(
        "UNAVAILABLE",
        "The log of the topic cannot be read",
        undefined,
        { cause },
      );
    }
  }

  #rendered(entries: readonly LogEntry[]): RingEntry[] {
    return entries.map(({ position, payload }) => ({
      position,
      frame: this.frames.delivered(payload, position) ??
        this.frames.plain("skip", position),
    }));
  }

  /** Takes what a read found: what is past the cursor is for all members, what is before it for those who come after. */
  #absorb(after: Position, entries: readonly RingEntry[]): void {
    const cursor = this.#cursor;
    const from = parsePosition(after);
    if (!cursor || !from || this.#recovering) return;
    if (from.epoch !== cursor.epoch) return this.recover();
    const fresh = entries.filter(({ position }) =>
      (parsePosition(position)?.n ?? 0) > cursor.n
    );
    const old = entries.slice(0, entries.length - fresh.length);
    if (from.n < this.#baseN) {
      const before = old.filter(({ position }) =>
        (parsePosition(position)?.n ?? 0) <= this.#baseN
      );
      this.#extend(before, after);
    }
    for (const entry of fresh) {
      const at = parsePosition(entry.position);
      if (at?.n === this.cursor.n + 1) this.#pass(entry, at);
    }
  }

  #extend(before: readonly RingEntry[], base: Position): void {
    const last = before.at(-1)?.position ?? base;
    if (last !== this.#ring.base) return;
    this.#ring.extend(before, base, this.#maxBytes());
    this.#baseN = parsePosition(this.#ring.base)?.n ?? 0;
  }

  /** A read says that the log is in another epoch than the cursor: either the reply is old, or this node has missed it. */
  #suspect(head: Position): void {
    if (this.#cursor && parsePosition(head)?.epoch !== this.#cursor.epoch) {
      this.recover();
    }
  }

  /** Reads on where a read was too short to reach the end of the log: no push may ever bring the rest. */
  #follow(head: Position): void {
    const at = parsePosition(head);
    if (at && at.epoch === this.#cursor?.epoch && at.n > this.#cursor.n) {
      this.recover();
    }
  }

  #take(entry: LogEntry): void {
    if (this.#closed) return;
    const cursor = this.#cursor;
    if (!cursor || this.#recovering) return this.#hold(entry);
    const at = parsePosition(entry.position);
    if (!at) return this.#host.refuse(this.name, "a position is malformed");
    if (at.epoch === cursor.epoch) {
      if (at.n <= cursor.n) return;
      if (at.n === cursor.n + 1 || this.isLatest) {
        return this.#deliver(entry, at);
      }
      this.#host.counters.holes++;
    }
    this.#hold(entry);
    this.recover();
  }

  #hold(entry: LogEntry): void {
    this.#heldBytes += entry.payload.length + 200;
    if (this.#heldBytes > this.#host.maxBufferedBytes) {
      // The read brings what is forgotten here, or shows that it is gone.
      this.#held = [];
      this.#heldBytes = entry.payload.length + 200;
    }
    this.#held.push(entry);
  }

  /** Takes what was held; the first `stale` of another epoch are older than what was read. */
  #release(stale: number): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#staleHeld = 0;
    for (const [index, entry] of held.entries()) {
      const epoch = parsePosition(entry.position)?.epoch;
      if (index < stale && epoch !== this.#cursor?.epoch) continue;
      this.#take(entry);
    }
    this.#tellReached();
  }

  async #recover(): Promise<void> {
    for (let failures = 0; !this.#closed && this.#cursor;) {
      const before = this.#cursor;
      this.#staleHeld = this.#held.length;
      let read: LogRead;
      try {
        read = await (this.isLatest
          ? this.#read(undefined, 1)
          : this.#read(before.text, PAGE));
      } catch {
        await pause(failures++);
        continue;
      }
      if (this.#closed) return;
      if (this.isLatest) return this.#renew(read);
      if (!read.whole) return this.#break(read.head);
      for (const entry of read.entries) {
        const at = parsePosition(entry.position);
        if (at?.n === this.#cursor.n + 1) this.#deliver(entry, at);
      }
      if (this.#cursor !== before) this.#fruitless = 0;
      else if (this.#lacks(before.epoch)) {
        // A push showed more than the log gives: wait, and in the end go on without what is missing.
        if (++this.#fruitless > MAX_FRUITLESS) {
          this.#fruitless = 0;
          return this.#break(this.#held[0]?.position ?? read.head);
        }
        await pause(this.#fruitless);
        continue;
      }
      if (this.#cursor.text === read.head || this.#cursor === before) break;
    }
  }

  /** Whether something of the epoch is held that does not follow the cursor. */
  #lacks(epoch: string): boolean {
    const [first] = this.#held;
    const at = first && parsePosition(first.position);
    return at?.epoch === epoch && at.n > this.cursor.n + 1;
  }

  /** Delivers the newest value, if it is another one than the last. */
  #renew({ entries, head }: LogRead): void {
    const entry = entries.at(-1);
    const at = entry && parsePosition(entry.position);
    if (entry && at && entry.position !== this.#cursor?.text) {
      this.#deliver(entry, at);
    }
    const next = parsePosition(head);
    if (next && next.epoch !== this.#cursor?.epoch) {
      this.#cursor = { ...next, text: head };
    }
  }

  /** Continuity is lost: members are told, and ask again. */
  #break(head: Position): void {
    this.#host.counters.breaks++;
    this.#startAt(head);
    this.#host.deliver(this.name, `["gap",{},${this.frames.at(head)}]`);
  }

  #startAt(head: Position, newest?: LogEntry): void {
    const at = parsePosition(head);
    if (!at) return this.#host.refuse(this.name, "a position is malformed");
    this.#cursor = { ...at, text: head };
    this.#ring = new Ring(head);
    this.#baseN = at.n;
    if (!newest) return;
    const [entry] = this.#rendered([newest]);
    this.#ring = new Ring("");
    if (entry) this.#ring.push(entry, Infinity);
  }

  #deliver(entry: LogEntry, at: PositionParts): void {
    const frame = this.frames.delivered(entry.payload, entry.position);
    if (!frame) {
      this.#host.refuse(this.name, "a message is of another contract");
    }
    const { position } = entry;
    this.#pass(
      { position, frame: frame ?? this.frames.plain("skip", position) },
      at,
    );
  }

  #pass(entry: RingEntry, at: PositionParts): void {
    this.#cursor = { ...at, text: entry.position };
    if (this.isLatest) {
      this.#ring = new Ring("");
      this.#ring.push(entry, Infinity);
    } else {
      this.#ring.push(entry, this.#maxBytes());
      this.#baseN = at.n - this.#ring.size;
    }
    this.#host.deliver(this.name, entry.frame);
    this.#tellReached();
  }

  #maxBytes(): number {
    return this.#waiting > 0
      ? this.#host.maxBufferedBytes
      : Math.min(IDLE_BYTES, this.#host.maxBufferedBytes);
  }

  #isPast(position: Position): boolean {
    const at = parsePosition(position);
    const cursor = this.#cursor;
    return !at || !cursor || at.epoch === cursor.epoch && at.n <= cursor.n;
  }

  #isAhead(position: Position): boolean {
    const at = parsePosition(position);
    return at !== undefined && at.epoch === this.#cursor?.epoch &&
      at.n > this.#cursor.n;
  }

  #tellReached(): void {
    for (const look of [...this.#reached]) look();
  }
}

function createAsked(): Asked {
  let resolve: Asked["resolve"] = () => {};
  let reject: Asked["reject"] = () => {};
  const promise = new Promise<Found>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

/** Waits before the next read: up to 50 ms at first, up to 5 s in the end. */
function pause(attempt: number): Promise<void> {
  const mostMs = Math.min(5_000, 50 * 2 ** attempt);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * mostMs));
}

/** Looks for a position in the newest messages; `undefined` when they do not tell. */
function within(
  entries: readonly RingEntry[],
  head: Position,
  after: Position,
): Found | undefined {
  const [wanted, newest] = [parsePosition(after), parsePosition(head)];
  if (after === head) return { whole: true, entries: [] };
  if (wanted?.epoch !== newest?.epoch || !wanted || !newest) {
    return { whole: false, entries: [] };
  }
  if (wanted.n > newest.n) return { whole: false, entries: [] };
  const at = entries.findIndex(({ position }) => position === after);
  return at < 0 ? undefined : { whole: true, entries: entries.slice(at + 1) };
}
