/**
 * One timer for any number of waits of the same length: a timer for each costs more than most of the waits.
 *
 * @module
 */

/** Waits that end by themselves, or after a timeout. */
export class Deadlines<T> {
  readonly #ms: number;
  readonly #late: (item: T) => void;
  /** When each wait times out. All have the same length, so the first one added is the first to time out. */
  readonly #ends = new Map<T, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = false;

  /**
   * @param ms How long each may take, in milliseconds
   * @param late Called with each that takes longer
   */
  constructor(ms: number, late: (item: T) => void) {
    this.#ms = ms;
    this.#late = late;
  }

  /** The number of waits. */
  get size(): number {
    return this.#ends.size;
  }

  /** The waiting items, the oldest first. */
  keys(): Iterable<T> {
    return this.#ends.keys();
  }

  /** Starts a wait. */
  add(item: T): void {
    this.#ends.set(item, performance.now() + this.#ms);
    if (this.#timer !== undefined || this.#asked) return;
    this.#asked = true;
    // Two microtasks, so that waits that end with this turn's promises need no timer.
    queueMicrotask(() => queueMicrotask(this.#arm));
  }

  /** Ends a wait. Does nothing if it has ended. */
  delete(item: T): void {
    if (this.#ends.delete(item) && this.#ends.size === 0) this.clear();
  }

  /** Removes all waits. */
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
