/**
 * Calls under way on a client: waiting to be sent, or for their answer.
 *
 * @module
 */
import { MAX_TIMER_MS } from "../shared/timers.ts";
import { remoteError, type SocketError } from "../wire/errors.ts";
import { type Frame, plainFrame } from "../wire/protocol.ts";
import type { CallOptions } from "./types.ts";

interface PendingCall {
  readonly frame: Frame;
  /** Takes an item of a streamed answer. */
  readonly item: ((raw: unknown) => void) | undefined;
  readonly settle: (error: unknown, value?: unknown) => void;
}

/** What calls need of their client. */
export interface CallsHost {
  /** Whether frames can leave now. */
  readonly open: boolean;
  /** Sends a frame. */
  send(frame: Frame): void;
  /** Whether the server has a feature; asked while frames can leave. */
  can(feature: string): boolean;
}

/** The calls of one client. */
export class Calls {
  readonly #host: CallsHost;
  readonly #unsent = new Map<number, PendingCall>();
  readonly #sent = new Map<number, PendingCall>();
  #id = 0;
  #idle: (() => void) | undefined;
  /** How many may be unanswered. */
  #maxInFlight = 1;
  /** Nothing new is sent: this connection is about to be left. */
  #held = false;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** How many wait to be sent. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /**
   * Makes a call.
   *
   * @param build Builds its frame
   * @param options When it ends early
   * @param item Takes the items of a streamed answer
   * @returns The answer's payload as it came
   */
  start(
    build: (id: number) => Frame,
    { timeoutMs = Infinity, signal, taken }: CallOptions & {
      /** Called with the answer before the promise settles. */
      readonly taken?: (value: unknown) => void;
    } = {},
    item?: (raw: unknown) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const id = ++this.#id;
      const frame = build(id);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (error: unknown, value?: unknown) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        if (error === undefined) {
          taken?.(value);
          resolve(value);
        } else reject(error);
      };
      const give = (error: unknown) => {
        if (!this.#unsent.delete(id) && this.#sent.delete(id)) {
          this.#host.send(plainFrame("cancel", id));
        }
        settle(error);
        this.pump();
      };
      const abort = () => give(signal?.reason);
      signal?.addEventListener("abort", abort);
      if (timeoutMs <= MAX_TIMER_MS) {
        const late = () =>
          give(
            remoteError(
              "TIMEOUT",
              `No answer came within timeoutMs ${timeoutMs}`,
            ),
          );
        timer = setTimeout(late, timeoutMs);
      }
      this.#unsent.set(id, { frame, item, settle });
      this.pump();
    });
  }

  /** Forgets a call that is not sent yet: it never settles. */
  withdraw(id: number): void {
    this.#unsent.delete(id);
  }

  /** Goes on with a new connection: what `first` calls is sent before what waited. */
  resume(maxInFlight: number, first: () => void): void {
    const waiting = [...this.#unsent];
    this.#unsent.clear();
    this.#held = false;
    this.#maxInFlight = maxInFlight;
    first();
    for (const [id, call] of waiting) this.#unsent.set(id, call);
    this.pump();
  }

  /** Sends what may be sent. */
  pump(): void {
    for (const [id, call] of this.#unsent) {
      if (
        !this.#host.open || this.#held || this.#sent.size >= this.#maxInFlight
      ) break;
      this.#unsent.delete(id);
      if (call.item && !this.#host.can("streams")) {
        call.settle(
          remoteError(
            "UNAVAILABLE",
            "The server is of an older version that streams no answers",
          ),
        );
        continue;
      }
      this.#sent.set(id, call);
      this.#host.send(call.frame);
    }
    if (this.#sent.size === 0) this.#idle?.();
  }

  /** Takes an item of a streamed answer; of an unknown call it does nothing. */
  item(id: unknown, raw: unknown): void {
    this.#sent.get(id as number)?.item?.(raw); // a Map takes any key
  }

  /** Settles a call with its answer; of an unknown one it does nothing. */
  answer(id: unknown, error: unknown, value?: unknown): void {
    const call = this.#sent.get(id as number); // a Map takes any key
    if (!call) return;
    this.#sent.delete(id as number);
    call.settle(error, value);
    this.pump();
  }

  /** Rejects what was sent, and with `all` what was not. */
  fail(reason: SocketError, all: boolean): void {
    const lost = [
      ...this.#sent.values(),
      ...(all ? this.#unsent.values() : []),
    ];
    this.#sent.clear();
    if (all) this.#unsent.clear();
    for (const call of lost) call.settle(reason);
    this.#idle?.();
  }

  /** Sends nothing new, and calls back once nothing is unanswered. */
  drain(done: () => void): void {
    this.#held = true;
    this.#idle = () => {
      this.#idle = undefined;
      done();
    };
    this.pump();
  }
}
