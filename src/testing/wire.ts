/**
 * What carries frames inside one process: in order, and never inside the call that sends.
 *
 * @module
 */

// The runtime's own, also while a TestClock is in its place. Browsers have no setImmediate, which takes a thousandth of
// a timer's time.
const { setTimeout } = globalThis;
const { setImmediate = setTimeout } = globalThis as {
  setImmediate?: (fn: () => void) => unknown;
};

/** Lets everything that is queued run: microtasks, then one round of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Carries in order, one thing a turn; held back while paused. */
export class Wire {
  readonly #queue: (() => void)[] = [];
  #paused = false;

  /** Whether it is held back. */
  get paused(): boolean {
    return this.#paused;
  }

  /** How much is on its way. */
  get size(): number {
    return this.#queue.length;
  }

  /** Runs a function later, after those before it. */
  readonly carry = (fn: () => void): void => {
    this.#queue.push(fn);
    setImmediate(this.#next);
  };

  /** Holds back what is on its way, and what comes. A second call does nothing. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on where it was. A second call does nothing. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (const _ of this.#queue) setImmediate(this.#next);
  }

  readonly #next = (): void => {
    if (!this.#paused) this.#queue.shift()?.();
  };
}
