/**
 * What a session still has to hear about from Redis.
 *
 * @module
 */
import type { Pair } from "./connections.ts";

/** What one publish costs beside its texts. */
const OVERHEAD = 128;

/** What is told of publishes. */
export interface PublishesHost {
  /** Payloads are given up on. */
  dropped(channel: string, count: number): void;
  /** Redis refused one. */
  refused(error: unknown): void;
}

interface Publish {
  readonly channel: string;
  readonly size: number;
}

/** The publishes that are not confirmed. Bounded; what does not fit is dropped, and so is all that a lost session left. */
export class Publishes {
  readonly #host: PublishesHost;
  readonly #maxPending: number;
  readonly #inFlight = new Set<Publish>();
  #waiting: [channel: string, payload: string][] | undefined = [];
  #pending = 0;
  #pair: Pair | undefined;
  #idle: (() => void)[] = [];
  /** Whether Redis confirmed one since this was last set to `false`. */
  heard = false;

  /**
   * @param host What is told
   * @param maxPending How many characters may be unconfirmed
   */
  constructor(host: PublishesHost, maxPending: number) {
    this.#host = host;
    this.#maxPending = maxPending;
  }

  /** How many are not confirmed. */
  get size(): number {
    return this.#inFlight.size + (this.#waiting?.length ?? 0);
  }

  /** Sends now; before the first session later; after one was lost never. */
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

  /** Starts a session with what waited for the first one. */
  attach(pair: Pair): void {
    this.#pair = pair;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const [channel, payload] of waiting) {
      const size = channel.length + payload.length + OVERHEAD;
      this.#send(pair, { channel, size }, payload);
    }
  }

  /** Ends a session. What is not confirmed counts as lost, though Redis may have it. */
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
    this.#tellIdle();
  }

  /** Resolves when none is unconfirmed. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #send(pair: Pair, publish: Publish, payload: string): void {
    this.#inFlight.add(publish);
    pair.publish(publish.channel, payload).then(
      () => {
        this.heard = true;
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
    if (this.#idle.length > 0 && this.size === 0) this.#tellIdle();
    return true;
  }

  #tellIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
