/**
 * The members of a channel. Very many channels have one, such as a user's own room, so that one is kept without a Set
 * (256 bytes on Bun 1.4).
 *
 * @module
 */

/** A set that costs little while it holds no more than one. */
export class Members<T> {
  #one: T | undefined;
  #all: Set<T> | undefined;

  /** How many there are. */
  get size(): number {
    return this.#all?.size ?? (this.#one === undefined ? 0 : 1);
  }

  /** Tells whether it is one of them. */
  has(member: T): boolean {
    return this.#all?.has(member) ?? this.#one === member;
  }

  /** Takes one; a second time does nothing. */
  add(member: T): void {
    if (this.#all) this.#all.add(member);
    else if (this.#one === undefined || this.#one === member) {
      this.#one = member;
    } else {
      this.#all = new Set([this.#one, member]);
      this.#one = undefined;
    }
  }

  /**
   * Gives one up.
   *
   * @returns Whether it was there
   */
  delete(member: T): boolean {
    if (this.#all) return this.#all.delete(member);
    if (this.#one !== member) return false;
    this.#one = undefined;
    return true;
  }

  /** All of them; as with a Set, those that come or go meanwhile are seen. */
  [Symbol.iterator](): Iterator<T> {
    const all = this.#all ?? (this.#one === undefined ? [] : [this.#one]);
    return all[Symbol.iterator]();
  }
}
