/**
 * How long an envelope takes to the broker and back.
 *
 * @module
 */

/** An envelope that is overdue for so long is lost; the next one is looked at. */
const LOST_MS = 30_000;

/** Looks at one envelope at a time, of those that the node will hear itself. */
export class Lag {
  #last: number | undefined;
  #probe:
    | { channel: string; epoch: string; seq: number; at: number }
    | undefined;

  /** The last one's time in milliseconds, or the age of one that is overdue; `undefined` before the first. */
  get ms(): number | undefined {
    if (this.#last === undefined || !this.#probe) return this.#last;
    return Math.max(this.#last, performance.now() - this.#probe.at);
  }

  /** An envelope was sent on a channel that this node is subscribed to. */
  sent(channel: string, epoch: string, seq: number): void {
    const now = performance.now();
    if (this.#probe && now - this.#probe.at < LOST_MS) return;
    this.#probe = { channel, epoch, seq, at: now };
  }

  /** An envelope of this node's own came back. */
  returned(
    channel: string,
    { epoch, seq }: { readonly epoch: string; readonly seq: number },
  ): void {
    const probe = this.#probe;
    if (
      probe?.channel !== channel || probe.epoch !== epoch || probe.seq !== seq
    ) return;
    this.#last = performance.now() - probe.at;
    this.#probe = undefined;
  }

  /** Nothing more comes from a channel, or from any. */
  forget(channel?: string): void {
    if (channel === undefined || this.#probe?.channel === channel) {
      this.#probe = undefined;
    }
  }
}
