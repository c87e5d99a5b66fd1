/**
 * One stream: how far it was read, who has been heard in it, and who listens.
 *
 * @module
 */
import type { AdapterHost } from "../../src/seams/adapter.ts";
import { compareIds, type Entry, fromFields } from "../shared/streams.ts";
import type { Page } from "./calls.ts";

/** How many writers' numbers are remembered. */
const MAX_WRITERS = 4_096;
/** How many of them are kept over a rest: who wrote last may write the same again. */
const KEPT_WRITERS = 32;

/** Where reading is, and the last numbers of those who wrote last. */
export type ShardPosition = readonly [
  cursor: string,
  heard: readonly (readonly [writer: string, seq: number])[],
];

/** One channel that is listened to. */
export interface Listening {
  readonly channel: string;
  /** What was published before is not for it: the stream's last id when it became live; `undefined` until it is. */
  from: string | undefined;
  /** What came meanwhile. */
  readonly early: [id: string, payload: string][];
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What a shard tells. */
export interface ShardHost extends Pick<AdapterHost, "message" | "error"> {
  /** An entry that no adapter wrote. */
  foreign(key: string, id: string): void;
}

/** One stream. It is read while it has a cursor, which it has while somebody listens. */
export class Shard {
  readonly key: string;
  readonly listening: Map<string, Listening> = new Map();
  /** The last number of each writer. Kept when nobody listens, so that what a retry repeats is known later. */
  readonly #heard = new Map<string, number>();
  readonly #host: ShardHost;
  readonly #own: string;
  #cursor: string | undefined;
  /** Changes when reading begins anew, so that an older answer is known as such. */
  epoch = 0;
  /** Where reading was when nothing was left to read, and how many entries came since. */
  provenAt = "";
  unproven = 0;

  constructor(key: string, own: string, host: ShardHost) {
    this.key = key;
    this.#own = own;
    this.#host = host;
  }

  /** How far it was read, `undefined` while it is not. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Where reading is, to go on later. */
  get position(): ShardPosition | undefined {
    if (this.#cursor === undefined) return undefined;
    return [this.#cursor, [...this.#heard].slice(-KEPT_WRITERS)];
  }

  /** Goes on from a position, for all that listen. */
  restore([cursor, heard]: ShardPosition): void {
    for (const [writer, seq] of heard) this.#heard.set(writer, seq);
    if (this.listening.size > 0) this.startAt(cursor);
    for (const it of this.listening.values()) this.goLive(it, cursor);
  }

  /** Begins to read after an id, or goes back to it. */
  startAt(id: string): void {
    this.epoch++;
    this.#cursor = this.provenAt = id;
    this.unproven = 0;
    for (const it of this.listening.values()) {
      if (it.from !== undefined) it.from = id; // ids went back: those it waits to pass may never come
    }
  }

  /** Ends reading where nobody listens. */
  leaveIfSilent(): void {
    if (this.listening.size > 0) return;
    this.epoch++;
    this.#cursor = undefined;
  }

  /** What was read up to now is whole. */
  prove(): void {
    this.provenAt = this.#cursor ?? "";
    this.unproven = 0;
  }

  /** Goes on behind an entry that cannot be read. */
  skipTo(id: string): void {
    this.#cursor = id;
    this.unproven++;
  }

  /** The last number that was heard of a writer. */
  heard(writer: string): number {
    return this.#heard.get(writer) ?? 0;
  }

  /** Takes a page, and gives how many entries were new. */
  take(entries: Page["entries"], epoch: number): number {
    let count = 0;
    for (const [id, fields] of entries) {
      if (this.epoch !== epoch || this.#cursor === undefined) break; // a listener has left, or begun anew
      if (compareIds(id, this.#cursor) <= 0) continue;
      this.#cursor = id; // before anybody hears of it, who may throw
      this.unproven++;
      count++;
      const entry = fromFields(fields);
      if (!entry) this.#host.foreign(this.key, id);
      else if (this.#isNew(entry)) this.#give(id, entry);
    }
    return count;
  }

  /** Makes a listener live, with what it may have of what came. */
  goLive(it: Listening, from: string): void {
    it.from = from;
    for (const [id, payload] of it.early.splice(0)) {
      if (this.listening.get(it.channel) !== it) return;
      if (compareIds(id, from) > 0) this.#tell(it.channel, payload);
    }
    it.resolve();
  }

  /** Numbers of one writer grow: one that does not was repeated, or came after what was written later. */
  #isNew({ instance, seq }: Entry): boolean {
    if (seq <= this.heard(instance)) return false;
    this.#heard.delete(instance);
    this.#heard.set(instance, seq); // at the end: those at the start were silent longest
    if (this.#heard.size > MAX_WRITERS) {
      this.#heard.delete(this.#heard.keys().next().value ?? "");
    }
    return instance !== this.#own;
  }

  #give(id: string, { channel, payload }: Entry): void {
    const it = this.listening.get(channel);
    if (!it) return;
    if (it.from === undefined) it.early.push([id, payload]);
    else if (compareIds(id, it.from) > 0) this.#tell(channel, payload);
  }

  #tell(channel: string, payload: string): void {
    try {
      this.#host.message(channel, payload);
    } catch (error) {
      this.#host.error(error);
    }
  }
}
