/**
 * How much a connection may send.
 *
 * @module
 */

/** A token bucket that also sees how far it is overdrawn. */
export class Limiter {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * @param perSecond How many are let through in the long run
   * @param burst How many are let through at once
   * @param first How many more are let through at the start
   * @param now Milliseconds, of the same clock as in `take`
   */
  constructor(perSecond: number, burst: number, first: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst + first;
    this.#at = now;
  }

  /** Takes one or several: `overdrawn` when another whole burst was refused without a pause. */
  take(now: number, amount = 1): "ok" | "refused" | "overdrawn" {
    this.#fill(now);
    this.#tokens -= amount;
    if (this.#tokens >= 0) return "ok";
    return this.#tokens >= -this.#burst ? "refused" : "overdrawn";
  }

  /** Takes one if there is one; being refused costs nothing, so that a flood keeps nobody out for longer than itself. */
  allows(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #fill(now: number): void {
    // A clock that was set back adds nothing.
    const gained = Math.max(0, now - this.#at) * this.#perSecond / 1_000;
    this.#at = now;
    if (this.#tokens < this.#burst) {
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    }
  }
}
