/**
 * One timer for any number of waits of the same length: a timer each costs more than most of what is waited for.
 *
 * @module
 */

/** Waits that end when they are over, or are given up after a time. */
export class Deadlines<T> {
  readonly #ms: number;
  readonly #late: (item: T) => void;
  /** When each is late. All take as long, so the first that came is the first that is late. */
  readonly #ends = new Map<T, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = false;

  /**
   * @param ms How long each may take
   * @param late Called with each that takes longer
   */
  constructor(ms: number, late: (item: T) => void) {
    this.#ms = ms;
    this.#late = late;
  }

  /** How many wait. */
  get size(): number {
    return this.#ends.size;
  }

  /** What waits, the longest first. */
  keys(): Iterable<T> {
    return this.#ends.keys();
  }

  /** Starts a wait. */
  add(item: T): void {
    this.#ends.set(item, performance.now() + this.#ms);
    if (this.#timer !== undefined || this.#asked) return;
    this.#asked = true;
    // Twice, so that what is over with this turn's promises needs no timer at all.
    queueMicrotask(() => queueMicrotask(this.#arm));
  }

  /** Ends a wait; one that is over already stays so. */
  delete(item: T): void {
    if (this.#ends.delete(item) && this.#ends.size === 0) this.clear();
  }

  /** Forgets all. */
  clear(): void {
    this.#ends.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #arm = (): void => {
    this.#asked = false;
    for (const end of this.#ends.values()) {
      const ms = Math.max(0, end - performance.now());
      this.#timer ??= setTimeout(this.#fire, ms);
      return;
    }
  };

  readonly #fire = (): void => {
    this.#timer = undefined;
    for (const [item, end] of this.#ends) {
      if (end > performance.now()) break;
      this.#ends.delete(item);
      this.#late(item);
    }
    this.#arm();
  };
}
