/**
 * The calls of a client that wait to be sent or answered.
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
  /** Whether frames can be sent now. */
  readonly open: boolean;
  /** Sends a frame. */
  send(frame: Frame): void;
  /** Tells whether the server has a feature; called while the connection is open. */
  can(feature: string): boolean;
}

/** The calls of one client. */
export class Calls {
  readonly #host: CallsHost;
  readonly #unsent = new Map<number, PendingCall>();
  readonly #sent = new Map<number, PendingCall>();
  #id = 0;
  #idle: (() => void) | undefined;
  /** The most unanswered calls. */
  #maxInFlight = 1;
  /** Nothing new is sent: this connection is about to be closed. */
  #held = false;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** How many calls wait to be sent. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /**
   * Makes a call.
   *
   * @param build Builds the frame
   * @param options When the call ends early
   * @param item Takes the items of a streamed answer
   * @returns The encoded payload of the answer
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

  /** Removes a call that was not sent yet: it never settles. */
  withdraw(id: number): void {
    this.#unsent.delete(id);
  }

  /** Continues with a new connection: the calls that `first` makes are sent before those that waited. */
  resume(maxInFlight: number, first: () => void): void {
    const waiting = [...this.#unsent];
    this.#unsent.clear();
    this.#held = false;
    this.#maxInFlight = maxInFlight;
    first();
    for (const [id, call] of waiting) this.#unsent.set(id, call);
    this.pump();
  }

  /** Sends the calls that may be sent. */
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

  /** Takes an item of a streamed answer. Does nothing for an unknown call. */
  item(id: unknown, raw: unknown): void {
    this.#sent.get(id as number)?.item?.(raw); // a Map accepts any key
  }

  /** Settles a call with its answer. Does nothing for an unknown call. */
  answer(id: unknown, error: unknown, value?: unknown): void {
    const call = this.#sent.get(id as number); // a Map accepts any key
    if (!call) return;
    this.#sent.delete(id as number);
    call.settle(error, value);
    this.pump();
  }

  /** Rejects the calls that were sent, and with `all` also the others. */
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

  /** Sends nothing new, and calls back when no call is unanswered. */
  drain(done: () => void): void {
    this.#held = true;
    this.#idle = () => {
      this.#idle = undefined;
      done();
    };
    this.pump();
  }
}
