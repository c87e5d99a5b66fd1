/**
 * Snapshots of kept topics: made by functions of the application, a bounded number at a time.
 *
 * @module
 */

/** Runs functions, at most a number of them at once; the others wait their turn. */
export class Snapshots {
  readonly #most: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param most How many run at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs a function when it is its turn.
   *
   * @param fn What makes the snapshot
   * @param wanted Whether anybody still wants it when its turn comes
   * @returns What it returned; `undefined` when nobody wanted it any more
   */
  async run<T>(
    fn: () => T | Promise<T>,
    wanted: () => boolean,
  ): Promise<T | undefined> {
    if (this.#running >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return wanted() ? await fn() : undefined;
    } finally {
      const next = this.#waiting.shift();
      if (next) next(); // it takes over this one's place
      else this.#running--;
    }
  }
}
