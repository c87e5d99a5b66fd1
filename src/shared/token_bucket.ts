/**
 * A token bucket, for rate limits.
 *
 * @module
 */

/** A token bucket that also detects how far it is overdrawn. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * @param perSecond The sustained rate
   * @param burst How many are allowed at once
   * @param first How many more are allowed at the start
   * @param now The time in milliseconds, of the same clock as in `take`
   */
  constructor(perSecond: number, burst: number, first: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst + first;
    this.#at = now;
  }

  /** Takes tokens. Returns `overdrawn` when another whole burst was refused without a pause. */
  take(now: number, amount = 1): "ok" | "refused" | "overdrawn" {
    this.#fill(now);
    this.#tokens -= amount;
    if (this.#tokens >= 0) return "ok";
    return this.#tokens >= -this.#burst ? "refused" : "overdrawn";
  }

  /**
   * Takes a token if there is one. A refusal costs nothing, so that a flood does not keep others out for longer than it
   * lasts.
   */
  allows(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #fill(now: number): void {
    // a clock that was set back adds no tokens
    const gained = Math.max(0, now - this.#at) * this.#perSecond / 1_000;
    this.#at = now;
    if (this.#tokens < this.#burst) {
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    }
  }
}
