/**
 * One login under way: until when it may be, and who is told that it is over.
 *
 * @module
 */
import type { Deadlines } from "../fanout/deadlines.ts";
import { SocketError } from "../../wire/errors.ts";
import { isPromiseLike } from "../../shared/thenable.ts";

/** What logins need of their server. */
export interface LoginHost {
  /** Handshakes that wait for `authenticate` or `onConnection`. */
  readonly pending: Set<PendingLogin>;
  /** Handshakes that are decided and whose socket is not open yet. */
  readonly opening: Deadlines<PendingLogin>;
  readonly settings: {
    readonly authTimeoutMs: number;
    readonly limits: { readonly maxPendingHandshakes: number };
  };
}

/**
 * How long a socket may take to open after its client was let in, in milliseconds, or `authTimeoutMs` when that is
 * less. Writing the answer takes no round trip; on Deno a peer that reset meanwhile never opens, and nothing tells of it.
 */
export const OPEN_TIMEOUT_MS = 5_000;

/** From a request until its connection is ready, or until there is none. */
export class PendingLogin {
  readonly #host: LoginHost;
  readonly #startedAt = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Reads the runtime's signal that the peer has gone; not asked any more once the socket is open. */
  #gone: (() => AbortSignal | undefined) | undefined;
  #watched: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;

  constructor(host: LoginHost, gone: () => AbortSignal | undefined) {
    this.#host = host;
    this.#gone = gone;
    this.#pend();
  }

  /** Whether it ended before its connection was ready. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** Aborts with the end. Made when it is asked for: most logins do not wait, and a signal costs more than they do. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    this.#watched = this.#gone?.();
    this.#watched?.addEventListener("abort", this.#leave);
    if (this.#watched?.aborted) this.#leave();
    if (this.over) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Waits for what the application gave, if it is a promise. Rejects with the reason when the login ends first. */
  wait<T>(given: T | PromiseLike<T>): T | Promise<T> {
    if (!isPromiseLike(given)) return given;
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort(); // the promise is listened to all the same: it may reject as well
      signal.addEventListener("abort", abort, { once: true });
      Promise.resolve(given).then(resolve, reject).finally(() =>
        signal.removeEventListener("abort", abort)
      );
    });
  }

  /** The client is let in: its slot is free, and its socket has a short time to open. */
  admitted(): void {
    const { opening, pending, settings } = this.#host;
    clearTimeout(this.#timer);
    pending.delete(this);
    if (this.over) return;
    opening.add(this);
    if (opening.size <= settings.limits.maxPendingHandshakes) return;
    for (const oldest of opening.keys()) return oldest.late();
  }

  /** The socket is open, and tells itself when it closes. */
  opened(): void {
    this.#host.opening.delete(this);
    this.#watched?.removeEventListener("abort", this.#leave);
    this.#gone = undefined;
    this.#watched = undefined;
  }

  /** The connection waits for the application once more, within what is left of the time. */
  resume(): void {
    if (!this.over) this.#pend();
  }

  /** It took too long. */
  late(): void {
    const { authTimeoutMs } = this.#host.settings;
    const message = `The login took longer than authTimeoutMs ${authTimeoutMs}`;
    this.end(new SocketError("TIMEOUT", message));
  }

  /** The connection is ready, or there will be none: nothing is waited for any more. */
  readonly release = (): void => {
    clearTimeout(this.#timer);
    this.opened();
    this.#host.pending.delete(this);
  };

  /** Ends it early. */
  end(reason: unknown): void {
    this.release();
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  #pend(): void {
    const { pending, settings: { authTimeoutMs } } = this.#host;
    const spent = performance.now() - this.#startedAt;
    this.#timer = setTimeout(() => this.late(), authTimeoutMs - spent);
    pending.add(this);
  }

  readonly #leave = (): void =>
    this.end(new SocketError("DISCONNECTED", "The client has gone"));
}
