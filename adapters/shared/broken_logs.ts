/**
 * Logs whose continuity a node must not claim.
 *
 * @module
 */

/** How many names are remembered at most. */
const MAX = 10_000;

/**
 * The logs for which an append of this node failed, or may have failed. The next message of such a log begins a new
 * epoch, so that every subscriber is told of the hole.
 */
export class BrokenLogs {
  /** The broken ones; when there are too many of those, the ones that are not. */
  readonly #names = new Set<string>();
  #inverted = false;

  /** Remembers a log whose append failed. */
  add(channel: string): void {
    if (this.#inverted) {
      this.#names.delete(channel);
      return;
    }
    this.#names.add(channel);
    if (this.#names.size <= MAX) return;
    this.#inverted = true;
    this.#names.clear();
  }

  /** Tells whether the next message must begin a new epoch. */
  has(channel: string): boolean {
    return this.#names.has(channel) !== this.#inverted;
  }

  /** Forgets a log that has begun its new epoch. */
  delete(channel: string): void {
    if (!this.#inverted) {
      this.#names.delete(channel);
      return;
    }
    // Logs that are forgotten here begin one epoch more than they need to, which hides nothing.
    if (this.#names.size >= MAX) this.#names.clear();
    this.#names.add(channel);
  }
}
