/**
 * A set for mostly one member: most channels have a single one, such as a user's own room, and a Set takes 256 bytes on
 * Bun 1.4.
 *
 * @module
 */

/** A set that stores a single member without a Set. */
export class SmallSet<T> {
  #one: T | undefined;
  #all: Set<T> | undefined;

  /** The number of members. */
  get size(): number {
    return this.#all?.size ?? (this.#one === undefined ? 0 : 1);
  }

  /** Tells whether a value is a member. */
  has(member: T): boolean {
    return this.#all?.has(member) ?? this.#one === member;
  }

  /** Adds a member. Adding it again does nothing. */
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
   * Removes a member.
   *
   * @returns Whether it was a member
   */
  delete(member: T): boolean {
    if (this.#all) return this.#all.delete(member);
    if (this.#one !== member) return false;
    this.#one = undefined;
    return true;
  }

  /** Iterates over the members; as with a Set, changes during the iteration are seen. */
  [Symbol.iterator](): Iterator<T> {
    const all = this.#all ?? (this.#one === undefined ? [] : [this.#one]);
    return all[Symbol.iterator]();
  }
}
