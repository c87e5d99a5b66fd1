/**
 * A login that is renewed before it ends, on the connection that is open.
 *
 * @module
 */
import { isSocketError } from "../wire/errors.ts";
import { plainFrame } from "../wire/protocol.ts";
import type { Calls } from "./calls.ts";

/** How long before the end to renew: a fifth of the time that is left, a minute at most, in milliseconds. */
const LEAD_MS = 60_000;
/** How long to wait when the end is past by this clock, which must then be wrong, in milliseconds. */
const SKEWED_MS = 10_000;
/** The longest wait of one timer, in milliseconds; a longer one is waited for in parts. */
const MAX_WAIT_MS = 3_600_000;

/** Renews the login of one connection. */
export class Login {
  readonly #calls: Calls;
  readonly #token: () => Promise<string | undefined>;
  readonly #report: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    calls: Calls,
    token: () => Promise<string | undefined>,
    report: (error: unknown) => void,
  ) {
    this.#calls = calls;
    this.#token = token;
    this.#report = report;
  }

  /** Renews in time for an end, given in milliseconds since the epoch. */
  watch(expiresAt: number | undefined): void {
    this.stop();
    if (expiresAt === undefined) return;
    const left = expiresAt - Date.now();
    const at = left > 0
      ? expiresAt - Math.min(LEAD_MS, left / 5)
      : Date.now() + SKEWED_MS;
    const wait = () => {
      const delay = at - Date.now();
      this.#timer = delay > MAX_WAIT_MS
        ? setTimeout(wait, MAX_WAIT_MS)
        : setTimeout(() => this.#renew().catch(this.#failed), delay);
    };
    wait();
  }

  /** Renews no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  readonly #failed = (error: unknown): void => {
    // A server that renews nothing, or a connection that is lost: the next handshake brings the next login.
    const expected = isSocketError(error) &&
      (error.code === "NOT_FOUND" || error.code === "DISCONNECTED");
    if (!expected) this.#report(error);
  };

  async #renew(): Promise<void> {
    const token = await this.#token();
    if (token === undefined) return; // the server will close with 4410
    const build = (id: number) => plainFrame("auth", id, token);
    const renewed = await this.#calls.start(build) as { expiresAt?: number }; // what the protocol answers
    this.watch(renewed.expiresAt);
  }
}
