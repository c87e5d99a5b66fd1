/**
 * The numbers that a node gives its envelopes.
 *
 * @module
 */

/** How long an idle channel's number is remembered at least. */
const KEEP_MS = 60_000;
/** How many are remembered at most, twice over. */
const KEEP_MAX = 10_000;

/**
 * After how long a channel's epoch is renewed, in milliseconds. Whoever forges a number of this node's makes others take
 * what it sends for old; a new epoch ends that.
 */
const RENEW_MS = 20_000;

/** The last number given in one channel. */
export interface Sequence {
  /** `<start>.<count>`, then `<start>.<count>.<renewal>`: a renewed epoch goes on counting, another count starts at 1. */
  readonly epoch: string;
  /** The last number given. */
  readonly seq: number;
}

interface Count {
  epoch: string;
  seq: number;
  readonly name: string;
  renewals: number;
  renewedAt: number;
}

/** The name of the count that an epoch belongs to. */
export function countOf(epoch: string): string {
  return epoch.split(".", 2).join(".");
}

/**
 * One count a channel, forgotten when idle. A forgotten channel starts again under a new epoch, so no envelope is ever
 * taken for an old one.
 */
export class Sequences {
  readonly #prefix: string;
  #counts = 0;
  // Two generations: what is not used while one is young is gone with the next.
  #young = new Map<string, Count>();
  #old = new Map<string, Count>();
  #agedAt = Date.now();

  /** @param start Unique to this start of the node */
  constructor(start: string) {
    this.#prefix = start;
  }

  /** How many channels are remembered. */
  get size(): number {
    this.#forget(Date.now());
    return this.#young.size + this.#old.size;
  }

  /** Takes the next number of a channel. */
  next(channel: string): Sequence {
    const now = Date.now();
    this.#forget(now);
    let count = this.#young.get(channel);
    if (!count) {
      count = this.#old.get(channel) ?? this.#start(now);
      this.#old.delete(channel);
      this.#young.set(channel, count);
      if (this.#young.size >= KEEP_MAX) this.#age(now);
    }
    if (now - count.renewedAt >= RENEW_MS) {
      count.renewedAt = now;
      count.epoch = `${count.name}.${(++count.renewals).toString(36)}`;
    }
    count.seq++;
    return count;
  }

  /** Forgets all. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  /** Looked at whenever it is used: a timer would keep a node awake that may sleep. */
  #forget(now: number): void {
    const idle = now - this.#agedAt;
    if (idle < KEEP_MS) return;
    this.#age(now);
    if (idle >= 2 * KEEP_MS) this.#age(now);
  }

  #age(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#agedAt = now;
  }

  #start(now: number): Count {
    const name = `${this.#prefix}.${(this.#counts++).toString(36)}`;
    return { name, epoch: name, seq: 0, renewals: 0, renewedAt: now };
  }
}
