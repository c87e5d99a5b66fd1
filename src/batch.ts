/**
 * Frames that leave together.
 *
 * @module
 */
import { concat } from "./bytes.ts";
import { type Frame, MAX_BATCH_BYTES, MAX_BATCH_FRAMES } from "./protocol.ts";

// A UTF-16 unit takes at most three bytes of UTF-8, so a text of this length is never too large.
const MAX_BATCH_UNITS = Math.floor(MAX_BATCH_BYTES / 3);

/** One message being filled: text or binary, at least one frame. */
export class Batch {
  // A string that grows by concatenation: engines keep it as a rope and flatten it once, when it is sent.
  #text: string | undefined;
  #blocks: Uint8Array[] | undefined;
  #frames: number;
  #length: number;

  /** Starts with a first frame, of any size. */
  constructor(frame: Frame, count: number) {
    if (typeof frame === "string") this.#text = frame;
    else this.#blocks = [frame];
    this.#frames = count;
    this.#length = frame.length;
  }

  /** The length of its frames in UTF-16 units or bytes. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes frames if they fit.
   *
   * @param frame One frame, or several already joined
   * @param count How many
   * @returns Whether it took them; else the batch is full, or of the other kind
   */
  add(frame: Frame, count: number): boolean {
    if (
      this.#frames + count > MAX_BATCH_FRAMES ||
      this.#length + this.#frames + frame.length > MAX_BATCH_UNITS
    ) return false;
    if (typeof frame === "string") {
      if (this.#text === undefined) return false;
      this.#text += `\n${frame}`;
    } else {
      if (this.#blocks === undefined) return false;
      this.#blocks.push(frame);
    }
    this.#frames += count;
    this.#length += frame.length;
    return true;
  }

  /** The one message. */
  join(): Frame {
    return this.#text ?? concat(this.#blocks ?? []);
  }

  /** How many frames it holds. */
  get frames(): number {
    return this.#frames;
  }
}
