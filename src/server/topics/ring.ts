/**
 * The newest messages of one kept channel, in memory.
 *
 * @module
 */
import type { Frame } from "../../wire/protocol.ts";
import type { Position } from "../../wire/position.ts";

/** One message as it goes to clients. */
export interface RingEntry {
  /** Where it stands. */
  readonly position: Position;
  /** Its frame, with the position. */
  readonly frame: Frame;
}

/** Contiguous messages of one epoch up to the cursor, bounded in bytes. */
export class Ring {
  /** The position before the first entry. */
  #base: Position;
  #entries: RingEntry[] = [];
  #from = 0;
  #bytes = 0;

  /** Starts empty behind a position. */
  constructor(base: Position) {
    this.#base = base;
  }

  /** How many messages it holds. */
  get size(): number {
    return this.#entries.length - this.#from;
  }

  /** Adds the message after the last one, and forgets the oldest ones past a number of bytes. */
  push(entry: RingEntry, maxBytes: number): void {
    this.#entries.push(entry);
    this.#bytes += weight(entry);
    while (this.#bytes > maxBytes && this.size > 0) this.#shift();
  }

  /** Adds messages before the first one, the newest of them first, while there is space. */
  extend(before: readonly RingEntry[], base: Position, maxBytes: number): void {
    let first = before.length;
    let bytes = this.#bytes;
    while (first > 0) {
      bytes += weight(before[first - 1] as RingEntry); // first is within
      if (bytes > maxBytes) break;
      first--;
    }
    if (first === before.length && before.length > 0) return;
    this.#entries = [
      ...before.slice(first),
      ...this.#entries.slice(this.#from),
    ];
    this.#from = 0;
    this.#base = before[first - 1]?.position ?? base;
    this.#bytes = 0;
    for (const entry of this.#entries) this.#bytes += weight(entry);
  }

  /** The position before the first message. */
  get base(): Position {
    return this.#base;
  }

  /**
   * The messages after a position.
   *
   * @param n The position's number
   * @param baseN The number of {@linkcode base}
   * @returns `undefined` when the position is not among those that it knows
   */
  after(
    position: Position,
    n: number,
    baseN: number,
  ): readonly RingEntry[] | undefined {
    const at = n - baseN;
    if (at < 0 || at > this.size) return undefined;
    const known = at === 0
      ? this.#base
      : this.#entries[this.#from + at - 1]?.position;
    return known === position
      ? this.#entries.slice(this.#from + at)
      : undefined;
  }

  #shift(): void {
    const first = this.#entries[this.#from++] as RingEntry; // size was above 0
    this.#bytes -= weight(first);
    this.#base = first.position;
    if (this.#from < 1_000 || this.#from * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#from);
    this.#from = 0;
  }
}

/** The bytes that a message costs, its objects included. */
function weight({ frame }: RingEntry): number {
  return frame.length + 200;
}
