/**
 * Publishes that Redis has not confirmed yet.
 *
 * @module
 */
import type { ConnectionPair } from "./connections.ts";

/** The cost of one publish beside its texts, in characters. */
const OVERHEAD = 128;

/** Receives the outcome of publishes. */
export interface PublishesHost {
  /** Messages were given up on. */
  dropped(channel: string, count: number): void;
  /** Redis rejected a publish. */
  refused(error: unknown): void;
}

interface Publish {
  readonly channel: string;
  readonly size: number;
}

/**
 * The unconfirmed publishes. Their number is bounded: a publish that does not fit is dropped, and so are all that a
 * lost session left unconfirmed.
 */
export class Publishes {
  readonly #host: PublishesHost;
  readonly #maxPending: number;
  readonly #inFlight = new Set<Publish>();
  #waiting: [channel: string, payload: string][] | undefined = [];
  #pending = 0;
  #pair: ConnectionPair | undefined;
  #idle: (() => void)[] = [];
  /** Whether Redis confirmed a publish since this was last set to `false`. */
  active = false;

  /**
   * @param host Receives the outcomes
   * @param maxPending How many characters may be unconfirmed
   */
  constructor(host: PublishesHost, maxPending: number) {
    this.#host = host;
    this.#maxPending = maxPending;
  }

  /** How many publishes are unconfirmed. */
  get size(): number {
    return this.#inFlight.size + (this.#waiting?.length ?? 0);
  }

  /** Sends a publish. Before the first session it is queued; after a session was lost it is dropped. */
  add(channel: string, payload: string): void {
    const size = channel.length + payload.length + OVERHEAD;
    const fits = this.#pending === 0 ||
      this.#pending + size <= this.#maxPending;
    if (!fits || !(this.#pair || this.#waiting)) {
      return this.#host.dropped(channel, 1);
    }
    this.#pending += size;
    if (this.#pair) this.#send(this.#pair, { channel, size }, payload);
    else this.#waiting?.push([channel, payload]);
  }

  /** Starts a session with the publishes that were queued. */
  attach(pair: ConnectionPair): void {
    this.#pair = pair;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const [channel, payload] of waiting) {
      const size = channel.length + payload.length + OVERHEAD;
      this.#send(pair, { channel, size }, payload);
    }
  }

  /** Ends a session. Unconfirmed publishes count as lost, though Redis may have received them. */
  detach(): void {
    const counts = new Map<string, number>();
    const count = (channel: string) =>
      counts.set(channel, (counts.get(channel) ?? 0) + 1);
    for (const { channel } of this.#inFlight) count(channel);
    for (const [channel] of this.#waiting ?? []) count(channel);
    this.#pair = undefined;
    this.#waiting = undefined;
    this.#inFlight.clear();
    this.#pending = 0;
    for (const [channel, lost] of counts) this.#host.dropped(channel, lost);
    this.#notifyIdle();
  }

  /** Resolves when no publish is unconfirmed. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #send(pair: ConnectionPair, publish: Publish, payload: string): void {
    this.#inFlight.add(publish);
    pair.publish(publish.channel, payload).then(
      () => {
        this.active = true;
        this.#settle(publish);
      },
      (error) => {
        if (!this.#settle(publish)) return; // counted when its session was lost
        this.#host.dropped(publish.channel, 1);
        this.#host.refused(error);
      },
    );
  }

  #settle(publish: Publish): boolean {
    if (!this.#inFlight.delete(publish)) return false;
    this.#pending -= publish.size;
    if (this.#idle.length > 0 && this.size === 0) this.#notifyIdle();
    return true;
  }

  #notifyIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
