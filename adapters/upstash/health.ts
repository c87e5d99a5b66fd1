/**
 * Detects outages: a single failed request is not treated as an outage, a permanent failure is.
 *
 * @module
 */
import type { AdapterHost } from "../../src/seams/adapter.ts";
import type { UpstashFailure } from "./failure.ts";

/** How many consecutive requests must have failed. */
const FAILURES = 3;
/** And for how long, in milliseconds. */
const DOWN_AFTER_MS = 1_000;

/** Receives the state. */
export interface HealthHost extends Pick<AdapterHost, "status" | "error"> {
  /** A request was answered during an outage: the service may be up again. */
  found(): void;
}

/** Counts consecutive failures and reports when the service is down and up. */
export class Health {
  readonly #host: HealthHost;
  readonly #timeoutMs: number;
  #failures = 0;
  #since = 0;
  #lastCause = "";
  /** Why it is down, `undefined` while it is up. */
  cause: UpstashFailure | undefined;

  constructor(host: HealthHost, timeoutMs: number) {
    this.#host = host;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether `down` was reported. */
  get down(): boolean {
    return this.cause !== undefined;
  }

  /** Records a successful request. The state stays `down` until the streams are known to be complete. */
  answered(): void {
    this.#failures = 0;
    if (this.cause) this.#host.found();
  }

  /** Records a failed request. */
  failed(failure: UpstashFailure, startedMs: number): void {
    if (this.#failures++ === 0) this.#since = startedMs;
    const passed = performance.now() - this.#since;
    const over = failure.kind === "permanent" ||
      this.#failures >= FAILURES && passed >= DOWN_AFTER_MS ||
      this.#failures >= 2 && passed >= this.#timeoutMs;
    if (!over) return;
    if (this.cause) {
      if (failure.message !== this.#lastCause) this.#host.error(failure); // an unchanged cause is reported once
      this.#lastCause = failure.message;
    } else {
      this.#lastCause = failure.message;
      this.cause = failure;
      this.#host.status("down", failure);
    }
  }

  /** Records that every subscription is live again. */
  recovered(): void {
    this.#failures = 0;
    if (!this.cause) return;
    this.cause = undefined;
    this.#host.status("up");
  }
}
