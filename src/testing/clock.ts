/**
 * Time that passes when a test says so.
 *
 * @module
 */
import { turn } from "./wire.ts";

interface Timer {
  readonly due: number;
  readonly run: () => void;
  /** Of an interval. */
  readonly everyMs: number | undefined;
}

const NAMES = [
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "Date",
] as const;

/**
 * Stands in for the process's timers and its date until {@linkcode TestClock.restore}: your code, its libraries and
 * this one see the same time. Only one may be in place; `AbortSignal.timeout` and `performance.now` stay real.
 *
 * @example A minute in no time
 * ```ts
 * import { TestClock } from "@super-line/edge/testing";
 *
 * const clock = new TestClock();
 * let rang = false;
 * setTimeout(() => rang = true, 60_000);
 * await clock.advance(60_000);
 * console.log(rang);
 * clock.restore();
 * ```
 */
export class TestClock {
  readonly #real: Pick<typeof globalThis, (typeof NAMES)[number]>;
  readonly #timers = new Map<number, Timer>();
  #now: number;
  /** Far from those of the process's own timers, where these are numbers. */
  #id = 1_000_000_000;

  /**
   * Takes the place of the process's clock.
   *
   * @param now Milliseconds since the epoch; the present when left out
   */
  constructor(now: number = Date.now()) {
    this.#now = now;
    const { setTimeout, clearTimeout, setInterval, clearInterval, Date } =
      globalThis;
    this.#real = {
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      Date,
    };
    const present = () => this.#now;
    class TestDate extends Date {
      constructor(...given: []) {
        // A date without arguments is now.
        super(...(given.length > 0 ? given : [present()]) as []);
      }
      static override now(): number {
        return present();
      }
    }
    const start = (repeats: boolean) =>
    (
      fn: (...args: unknown[]) => void,
      ms = 0,
      ...args: unknown[]
    ): number => {
      const run = () => fn(...args);
      const delay = Math.max(repeats ? 1 : 0, Number(ms) || 0);
      this.#timers.set(++this.#id, {
        due: this.#now + delay,
        run,
        everyMs: repeats ? delay : undefined,
      });
      return this.#id;
    };
    const clear = (id: unknown) => {
      if (!this.#timers.delete(id as number)) clearTimeout(id as number); // one of before; both take anything
    };
    Object.assign(globalThis, {
      setTimeout: start(false),
      setInterval: start(true),
      clearTimeout: clear,
      clearInterval: clear,
      Date: TestDate,
    });
  }

  /** Now, in milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** How many timers wait. */
  get size(): number {
    return this.#timers.size;
  }

  /**
   * Lets time pass. What becomes due runs in its order, each at its own time, and what it leads to runs before the next.
   *
   * @param ms For how long, in milliseconds
   * @param between Waits for what one timer leads to; one turn of the event loop when left out
   */
  async advance(
    ms: number,
    between: () => Promise<void> = turn,
  ): Promise<void> {
    const end = this.#now + ms;
    await between();
    for (;;) {
      const next = this.#next(end);
      if (!next) break;
      const [id, { due, run, everyMs }] = next;
      this.#now = Math.max(this.#now, due);
      if (everyMs === undefined) this.#timers.delete(id);
      else this.#timers.set(id, { due: due + everyMs, run, everyMs });
      run();
      await between();
    }
    this.#now = end;
  }

  /** Puts the process's own clock back; what waits here is forgotten. A second call does nothing. */
  restore(): void {
    this.#timers.clear();
    Object.assign(globalThis, this.#real);
  }

  /** The timer that is due first, up to a time. */
  #next(end: number): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].due > end) continue;
      if (!first || entry[1].due < first[1].due) first = entry;
    }
    return first;
  }
}
