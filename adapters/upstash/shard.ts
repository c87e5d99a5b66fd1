/**
 * One stream: how far it was read, the last number of each writer, and the subscribers.
 *
 * @module
 */
import type { AdapterHost } from "../../src/seams/adapter.ts";
import { compareIds, type Entry, fromFields } from "../shared/streams.ts";
import type { Page } from "./calls.ts";

/** How many writers' numbers are remembered. */
const MAX_WRITERS = 4_096;
/** How many of them are saved during a rest: the last writers may repeat an entry. */
const SAVED_WRITERS = 32;

/** The read position, and the last numbers of the last writers. */
export type ShardPosition = readonly [
  cursor: string,
  heard: readonly (readonly [writer: string, seq: number])[],
];

/** One subscribed channel. */
export interface Listening {
  readonly channel: string;
  /** Earlier entries are not for this subscriber: the stream's last id when it became live; `undefined` until then. */
  from: string | undefined;
  /** Entries that arrived before it was live. */
  readonly early: [id: string, payload: string][];
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Receives the entries of a stream. */
export interface ShardHost extends Pick<AdapterHost, "message" | "error"> {
  /** An entry that no adapter wrote. */
  foreign(key: string, id: string): void;
}

/** One stream. It is read while it has a cursor, which it has while any channel is subscribed. */
export class Shard {
  readonly key: string;
  readonly listening: Map<string, Listening> = new Map();
  /** The last number of each writer. Kept without subscribers too, so that repeats are detected later. */
  readonly #lastNumbers = new Map<string, number>();
  readonly #host: ShardHost;
  readonly #own: string;
  #cursor: string | undefined;
  /** Changes when reading starts over, so that an older reply can be recognised. */
  epoch = 0;
  /** The position when everything was read, and how many entries came since. */
  provenAt = "";
  unproven = 0;

  constructor(key: string, own: string, host: ShardHost) {
    this.key = key;
    this.#own = own;
    this.#host = host;
  }

  /** How far it was read, `undefined` while it is not read. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** The read position, to continue later. */
  get position(): ShardPosition | undefined {
    if (this.#cursor === undefined) return undefined;
    return [this.#cursor, [...this.#lastNumbers].slice(-SAVED_WRITERS)];
  }

  /** Continues from a position, for all subscribers. */
  restore([cursor, heard]: ShardPosition): void {
    for (const [writer, seq] of heard) this.#lastNumbers.set(writer, seq);
    if (this.listening.size > 0) this.startAt(cursor);
    for (const it of this.listening.values()) this.goLive(it, cursor);
  }

  /** Starts to read after an id, or goes back to it. */
  startAt(id: string): void {
    this.epoch++;
    this.#cursor = this.provenAt = id;
    this.unproven = 0;
    for (const it of this.listening.values()) {
      if (it.from !== undefined) it.from = id; // ids went back: the entries it waits to pass may never come
    }
  }

  /** Stops reading if there are no subscribers. */
  leaveIfSilent(): void {
    if (this.listening.size > 0) return;
    this.epoch++;
    this.#cursor = undefined;
  }

  /** Marks everything up to now as completely read. */
  prove(): void {
    this.provenAt = this.#cursor ?? "";
    this.unproven = 0;
  }

  /** Skips an entry that cannot be read. */
  skipTo(id: string): void {
    this.#cursor = id;
    this.unproven++;
  }

  /** Returns the last number received from a writer. */
  heard(writer: string): number {
    return this.#lastNumbers.get(writer) ?? 0;
  }

  /** Takes a page, and returns how many entries were new. */
  take(entries: Page["entries"], epoch: number): number {
    let count = 0;
    for (const [id, fields] of entries) {
      if (this.epoch !== epoch || this.#cursor === undefined) break; // the subscriber has left, or subscribed again
      if (compareIds(id, this.#cursor) <= 0) continue;
      this.#cursor = id; // before any subscriber runs, since it may throw
      this.unproven++;
      count++;
      const entry = fromFields(fields);
      if (!entry) this.#host.foreign(this.key, id);
      else if (this.#isNew(entry)) this.#give(id, entry);
    }
    return count;
  }

  /** Makes a subscriber live, with the entries that are for it. */
  goLive(it: Listening, from: string): void {
    it.from = from;
    for (const [id, payload] of it.early.splice(0)) {
      if (this.listening.get(it.channel) !== it) return;
      if (compareIds(id, from) > 0) this.#deliver(it.channel, payload);
    }
    it.resolve();
  }

  /** The numbers of one writer increase: an entry whose number does not was repeated, or arrived after a later one. */
  #isNew({ instance, seq }: Entry): boolean {
    if (seq <= this.heard(instance)) return false;
    this.#lastNumbers.delete(instance);
    this.#lastNumbers.set(instance, seq); // at the end, so that the least recent writers are at the start
    if (this.#lastNumbers.size > MAX_WRITERS) {
      this.#lastNumbers.delete(this.#lastNumbers.keys().next().value ?? "");
    }
    return instance !== this.#own;
  }

  #give(id: string, { channel, payload }: Entry): void {
    const it = this.listening.get(channel);
    if (!it) return;
    if (it.from === undefined) it.early.push([id, payload]);
    else if (compareIds(id, it.from) > 0) this.#deliver(channel, payload);
  }

  #deliver(channel: string, payload: string): void {
    try {
      this.#host.message(channel, payload);
    } catch (error) {
      this.#host.error(error);
    }
  }
}
