/**
 * Whether Upstash is there: one failed request is none of an outage, and a permanent one is.
 *
 * @module
 */
import type { AdapterHost } from "../../src/seams/adapter.ts";
import type { UpstashFailure } from "./failure.ts";

/** How many requests in a row must have failed. */
const FAILURES = 3;
/** And for how long. */
const DOWN_AFTER_MS = 1_000;

/** What it tells. */
export interface HealthHost extends Pick<AdapterHost, "status" | "error"> {
  /** It is down, and something was answered: it may be up. */
  found(): void;
}

/** Counts failures in a row and tells when it is down and up. */
export class Health {
  readonly #host: HealthHost;
  readonly #timeoutMs: number;
  #failures = 0;
  #since = 0;
  #told = "";
  /** Why it is down, `undefined` while it is up. */
  cause: UpstashFailure | undefined;

  constructor(host: HealthHost, timeoutMs: number) {
    this.#host = host;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether it was told that it is down. */
  get down(): boolean {
    return this.cause !== undefined;
  }

  /** A request was answered. It stays down until what is read is known to be whole. */
  answered(): void {
    this.#failures = 0;
    if (this.cause) this.#host.found();
  }

  /** A request failed. */
  failed(failure: UpstashFailure, startedMs: number): void {
    if (this.#failures++ === 0) this.#since = startedMs;
    const passed = performance.now() - this.#since;
    const over = failure.kind === "permanent" ||
      this.#failures >= FAILURES && passed >= DOWN_AFTER_MS ||
      this.#failures >= 2 && passed >= this.#timeoutMs;
    if (!over) return;
    if (this.cause) {
      if (failure.message !== this.#told) this.#host.error(failure); // the same again is not told again
      this.#told = failure.message;
    } else {
      this.#told = failure.message;
      this.cause = failure;
      this.#host.status("down", failure);
    }
  }

  /** Everything is live again. */
  recovered(): void {
    this.#failures = 0;
    if (!this.cause) return;
    this.cause = undefined;
    this.#host.status("up");
  }
}
