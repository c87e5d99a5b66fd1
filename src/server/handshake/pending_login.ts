/**
 * A login in progress: its deadline, and its abort signal.
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
 * How long a socket may take to open after its client was accepted, in milliseconds; at most `authTimeoutMs`. Writing
 * the response takes no round trip. On Deno a socket whose peer resets before it opens never opens, and no event
 * reports that.
 */
export const OPEN_TIMEOUT_MS = 5_000;

/** How long a socket may take to open even when too many sockets do, in milliseconds. */
const BURST_MS = 1_000;

/** A login, from the request until its connection is ready or refused. */
export class PendingLogin {
  readonly #host: LoginHost;
  readonly #startedAt = performance.now();
  #admittedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Reads the runtime's abort signal of the request; no longer needed once the socket is open. */
  #peerSignal: (() => AbortSignal | undefined) | undefined;
  #watched: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;

  constructor(host: LoginHost, gone: () => AbortSignal | undefined) {
    this.#host = host;
    this.#peerSignal = gone;
    this.#pend();
  }

  /** Whether the login ended before its connection was ready. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /**
   * Aborts when the login ends early. Created on first read: most logins do not wait, and a signal costs more than they
   * do.
   */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    this.#watched = this.#peerSignal?.();
    this.#watched?.addEventListener("abort", this.#leave);
    if (this.#watched?.aborted) this.#leave();
    if (this.over) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Waits for a value that may be a promise. Rejects with the reason if the login ends first. */
  wait<T>(given: T | PromiseLike<T>): T | Promise<T> {
    if (!isPromiseLike(given)) return given;
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort(); // the promise is still observed, since it may reject too
      signal.addEventListener("abort", abort, { once: true });
      Promise.resolve(given).then(resolve, reject).finally(() =>
        signal.removeEventListener("abort", abort)
      );
    });
  }

  /** The client is accepted: frees its slot; its socket has a short time to open. */
  admitted(): void {
    const { opening, pending, settings } = this.#host;
    clearTimeout(this.#timer);
    pending.delete(this);
    if (this.over) return;
    this.#admittedAt = performance.now();
    opening.add(this);
    if (opening.size <= settings.limits.maxPendingHandshakes) return;
    for (const oldest of opening.keys()) {
      // Not those of this second: after a burst of honest clients a runtime opens all their sockets later.
      if (this.#admittedAt - oldest.#admittedAt > BURST_MS) oldest.late();
      return;
    }
  }

  /** The socket is open, and reports itself when it closes. */
  opened(): void {
    this.#host.opening.delete(this);
    this.#watched?.removeEventListener("abort", this.#leave);
    this.#peerSignal = undefined;
    this.#watched = undefined;
  }

  /** The connection waits for the application again, for the rest of the time. */
  resume(): void {
    if (!this.over) this.#pend();
  }

  /** The login took too long. */
  late(): void {
    const { authTimeoutMs } = this.#host.settings;
    const message = `The login took longer than authTimeoutMs ${authTimeoutMs}`;
    this.end(new SocketError("TIMEOUT", message));
  }

  /** The connection is ready or refused: ends the deadline. */
  readonly release = (): void => {
    clearTimeout(this.#timer);
    this.opened();
    this.#host.pending.delete(this);
  };

  /** Ends the login early. */
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
