/**
 * The numbers that a node gives its envelopes.
 *
 * @module
 */

/** How long an idle channel's number is remembered at least. */
const KEEP_MS = 60_000;
/** How many are remembered at most, twice over. */
const KEEP_MAX = 10_000;

/** The last number given in one channel. */
export interface Sequence {
  /** The count's name: other nodes take a new one for a new count. */
  readonly epoch: string;
  /** The last number given. */
  seq: number;
}

/**
 * One count a channel, forgotten when idle. A forgotten channel starts again under a new epoch, so no envelope is ever
 * taken for an old one.
 */
export class Sequences {
  readonly #start: string;
  #epochs = 0;
  // Two generations: what is not used while one is young is gone with the next.
  #young = new Map<string, Sequence>();
  #old = new Map<string, Sequence>();
  #agedAt = Date.now();

  /** @param start Unique to this start of the node */
  constructor(start: string) {
    this.#start = start;
  }

  /** How many channels are remembered. */
  get size(): number {
    this.#forget();
    return this.#young.size + this.#old.size;
  }

  /** Takes the next number of a channel. */
  next(channel: string): Sequence {
    this.#forget();
    let sequence = this.#young.get(channel);
    if (!sequence) {
      sequence = this.#old.get(channel) ??
        { epoch: `${this.#start}.${(this.#epochs++).toString(36)}`, seq: 0 };
      this.#old.delete(channel);
      this.#young.set(channel, sequence);
      if (this.#young.size >= KEEP_MAX) this.#age();
    }
    sequence.seq++;
    return sequence;
  }

  /** Forgets all. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  /** Looked at whenever it is used: a timer would keep a node awake that may sleep. */
  #forget(): void {
    const idle = Date.now() - this.#agedAt;
    if (idle < KEEP_MS) return;
    this.#age();
    if (idle >= 2 * KEEP_MS) this.#age();
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#agedAt = Date.now();
  }
}
