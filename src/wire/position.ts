/**
 * Where a message of a kept topic stands in its log.
 *
 * @module
 */

/**
 * The position of one message in its log, as text: `epoch.n.tag`. Opaque to applications. Within an epoch, positions
 * sort as texts do. At most 256 characters, of letters, digits, `-`, `_` and `.` only, so that a position can stand in a URL.
 */
export type Position = string;

/** What a position is made of. */
export interface PositionParts {
  /** The run of numbers that `n` belongs to, 1 to 64 letters, digits, `-` and `_`. Unique: no two runs share a name. */
  readonly epoch: string;
  /** The number in the epoch, from 0 to 999 999 999 999. The next message has the next number. */
  readonly n: number;
  /** Who wrote the message and which of its writes it was, in the alphabet of `epoch`. Two messages never share a tag. */
  readonly tag: string;
}

const DIGITS = 12;
const POSITION = /^([\w-]{1,64})\.(\d{12})\.([\w-]{1,64})$/;

/** Makes the text of a position. */
export function formatPosition(
  epoch: string,
  n: number,
  tag: string,
): Position {
  return `${epoch}.${String(n).padStart(DIGITS, "0")}.${tag}`;
}

/** Reads the text of a position; `undefined` when it is not one. */
export function parsePosition(text: string): PositionParts | undefined {
  const [, epoch, n, tag] = POSITION.exec(text) ?? [];
  return epoch === undefined || tag === undefined
    ? undefined
    : { epoch, n: Number(n), tag };
}
