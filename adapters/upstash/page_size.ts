/**
 * The page size of reads: a reply that is too large must not fail forever.
 *
 * @module
 */
import type { Shard } from "./shard.ts";

/** Entries per stream, at first and at most. */
const MOST = 100;
/** After how many successful reads the page grows. */
const GROW_AFTER = 20;

/** Halves the page when a reply is too large; at one entry it reads one stream at a time; grows again slowly. */
export class PageSize {
  /** Entries per stream. */
  count: number = MOST;
  /** The stream that was picked last. */
  picked: readonly Shard[] = [];
  /** Whether other streams wait for their turn. */
  leftOver: boolean = false;
  #single = false;
  #next = 0;
  #good = 0;

  /** Picks the streams of the next read. */
  pick(shards: readonly Shard[]): readonly Shard[] {
    if (!this.#single || shards.length < 2) {
      this.leftOver = false;
      return this.picked = shards;
    }
    const at = this.#next % shards.length;
    this.#next = at + 1;
    this.leftOver = at + 1 < shards.length;
    return this.picked = shards.slice(at, at + 1);
  }

  /** Records that a reply was too large. Returns whether a smaller page exists. */
  shrink(): boolean {
    this.#good = 0;
    if (this.count > 1) this.count >>= 1;
    else if (!this.#single && this.picked.length > 1) this.#single = true;
    else return false;
    return true;
  }

  /** Records a reply that was not too large. */
  worked(): void {
    if (this.count === MOST || ++this.#good < GROW_AFTER) return;
    this.#good = 0;
    if (this.#single) this.#single = false;
    else this.count = Math.min(MOST, this.count * 2);
  }
}
