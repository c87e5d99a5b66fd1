/**
 * A streamed answer on the client: its items as they come, asked for as they are read.
 *
 * @module
 */
import { remoteError } from "../wire/errors.ts";
import { STREAM_WINDOW } from "../wire/protocol.ts";
import type { CallOptions } from "./types.ts";

/** What a stream needs of its client. */
export interface StreamHost {
  /** Makes the call; resolves with its result. */
  start(signal: AbortSignal, item: (raw: unknown) => void): Promise<unknown>;
  /** Asks for that many items more. */
  more(items: number): void;
  /** Reads an item's payload. */
  read(raw: unknown): Promise<unknown>;
}

/** What calling a streamed request returns. */
export class Stream implements AsyncIterable<unknown> {
  readonly #host: StreamHost;
  readonly #stop = new AbortController();
  readonly #result: Promise<unknown>;
  readonly #items: unknown[] = [];
  #wake: (() => void) | undefined;
  #reader: "none" | "iterates" | "drops" = "none";
  #credit = STREAM_WINDOW;
  /** How many items were read since more were asked for. */
  #read = 0;
  #over = false;
  /** When the server last said something, or was asked for something. */
  #heardAt = Date.now();

  constructor(
    host: StreamHost,
    { timeoutMs = Infinity, signal }: CallOptions,
  ) {
    this.#host = host;
    const stop = this.#stop;
    if (signal?.aborted) stop.abort(signal.reason);
    signal?.addEventListener("abort", () => stop.abort(signal.reason), {
      signal: stop.signal,
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = (ms: number) => {
      timer = setTimeout(() => {
        // Without credit it is the reader's own pace.
        const left = this.#credit > 0
          ? this.#heardAt + timeoutMs - Date.now()
          : timeoutMs;
        if (left > 0) return watch(left);
        const message = `Nothing came within timeoutMs ${timeoutMs}`;
        stop.abort(remoteError("TIMEOUT", message));
      }, Math.min(ms, 3_600_000)); // timers count in 31 bits; looking once an hour costs nothing
    };
    watch(timeoutMs);
    this.#result = host.start(stop.signal, (raw) => this.#take(raw))
      .finally(() => {
        this.#over = true;
        clearTimeout(timer);
        stop.abort(); // nobody listens to it but the caller's own signal, which is let go of
        this.#wake?.();
      });
    this.#result.catch(() => {}); // ignoring it is fine
  }

  /** Asked for before anything is iterated, it drops the items. */
  get result(): Promise<unknown> {
    if (this.#reader === "none") {
      this.#reader = "drops";
      for (const _ of this.#items.splice(0)) this.#consumed();
    }
    return this.#result;
  }

  cancel(reason?: unknown): void {
    this.#stop.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    this.#reader = "iterates";
    try {
      for (;;) {
        while (this.#items.length > 0) {
          yield await this.#host.read(this.#items.shift());
          this.#consumed();
        }
        if (this.#over) break;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      await this.#result; // throws why it ended
    } finally {
      this.cancel(); // such as by `break`
    }
  }

  #take(raw: unknown): void {
    this.#credit--;
    this.#heardAt = Date.now();
    if (this.#reader === "drops") return this.#consumed();
    this.#items.push(raw);
    this.#wake?.();
  }

  #consumed(): void {
    if (++this.#read < STREAM_WINDOW / 2 || this.#over) return;
    this.#host.more(this.#read);
    this.#credit += this.#read;
    this.#read = 0;
    this.#heardAt = Date.now();
  }
}
