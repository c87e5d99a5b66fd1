/**
 * Batches: frames that are sent as one message.
 *
 * @module
 */
import { concat } from "./bytes.ts";
import { type Frame, MAX_BATCH_BYTES, MAX_BATCH_FRAMES } from "./protocol.ts";

// A UTF-16 unit takes at most three bytes of UTF-8, so a text of this length always fits.
const MAX_BATCH_UNITS = Math.floor(MAX_BATCH_BYTES / 3);

/** One message being filled: text or binary, with at least one frame. */
export class Batch {
  // A string that grows by concatenation: engines keep it as a rope and flatten it once, when it is sent.
  #data: string | Uint8Array[];
  #frames: number;
  #length: number;
  #closed = false;
  /** Whether several outboxes hold this batch. An outbox that adds a frame of its own copies it first. */
  readonly shared: boolean;

  /** Creates a batch with its first frame, of any size. */
  constructor(frame: Frame, count: number, shared = false) {
    this.shared = shared;
    this.#data = typeof frame === "string" ? frame : [frame];
    this.#frames = count;
    this.#length = frame.length;
  }

  /** The total length of the frames in UTF-16 units or bytes. */
  get length(): number {
    return this.#length;
  }

  /** The number of frames. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Adds frames if they fit.
   *
   * @param frame One frame, or several already joined
   * @param count How many frames
   * @returns `false` if the batch is full or of the other kind
   */
  add(frame: Frame, count: number): boolean {
    if (
      this.#closed || this.#frames + count > MAX_BATCH_FRAMES ||
      this.#length + this.#frames + frame.length > MAX_BATCH_UNITS
    ) return false;
    if (typeof this.#data === "string") {
      if (typeof frame !== "string") return false;
      this.#data += `\n${frame}`;
    } else {
      if (typeof frame === "string") return false;
      this.#data.push(frame);
    }
    this.#frames += count;
    this.#length += frame.length;
    return true;
  }

  /** Closes the batch: no more frames can be added. */
  close(): void {
    this.#closed = true;
  }

  /** The frames as one message. */
  get data(): Frame {
    if (typeof this.#data === "string") return this.#data;
    if (this.#data.length > 1) this.#data = [concat(this.#data)];
    return this.#data[0] as Uint8Array; // a batch is never empty
  }

  /** Closes the batch and returns its message. */
  join(): Frame {
    this.#closed = true;
    return this.data;
  }
}
