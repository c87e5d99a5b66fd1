/**
 * The channels that are wanted, and those that Redis has confirmed.
 *
 * @module
 */
import { createDeferred, type Deferred } from "../../src/shared/deferred.ts";
import { isSocketError } from "../../src/wire/errors.ts";
import type { ConnectionPair } from "./connections.ts";
import { unavailable, within } from "../shared/timing.ts";

/** The most channels of one command, so that other commands are not held up. */
const CHUNK = 500;

/** One channel. While a command for it is in flight, later calls wait for that command. */
interface Channel {
  wanted: boolean;
  /** The last state that Redis confirmed. */
  live: boolean;
  busy: boolean;
  /** Callers that wait until the channel is live. */
  up: Deferred<void> | undefined;
  /** Callers that wait until the channel is silent. */
  off: Deferred<void> | undefined;
}

/**
 * The subscriptions of one connection. The last call for a channel wins; each turn sends as few commands as possible.
 */
export class Subscriptions {
  readonly #channels = new Map<string, Channel>();
  #changed = new Set<string>();
  #pair: ConnectionPair | undefined;
  /** Whether Redis confirmed a command since this was last set to `false`. */
  active = false;

  /** The number of channels. */
  get size(): number {
    return this.#channels.size;
  }

  /** Tells whether a channel is wanted. */
  wants(channel: string): boolean {
    return this.#channels.get(channel)?.wanted === true;
  }

  /** Resolves when the channel is live. Rejects when the session is lost before that. */
  subscribe(channel: string): Promise<void> {
    let it = this.#channels.get(channel);
    if (!it) {
      it = {
        wanted: true,
        live: false,
        busy: false,
        up: undefined,
        off: undefined,
      };
      this.#channels.set(channel, it);
    }
    it.wanted = true;
    if (it.live && !it.busy) {
      this.#settleWaiters(channel, it);
      return Promise.resolve();
    }
    it.up ??= createDeferred();
    this.#enqueue(channel);
    return it.up.promise;
  }

  /** Resolves when no more messages can arrive. */
  unsubscribe(channel: string): Promise<void> {
    const it = this.#channels.get(channel);
    if (!it) return Promise.resolve();
    it.wanted = false;
    if (!it.live && !it.busy) {
      this.#settleWaiters(channel, it);
      return Promise.resolve();
    }
    it.off ??= createDeferred();
    this.#enqueue(channel);
    return it.off.promise;
  }

  /**
   * Starts a session: subscribes to every wanted channel.
   *
   * @param pair The session
   * @param timeoutMs How long each command may take
   * @throws What the session failed with
   */
  async attach(pair: ConnectionPair, timeoutMs: number): Promise<void> {
    this.#pair = pair;
    this.#changed.clear(); // this call subscribes to all of them
    const commands = chunks([...this.#channels.keys()]).map((channels) => {
      for (const channel of channels) {
        const it = this.#channels.get(channel);
        if (it) it.busy = true;
      }
      const confirmed = pair.subscribe(channels);
      confirmed.catch(() => {}); // the first failure is reported below, and the others follow from it
      return { channels, confirmed };
    });
    for (const { channels, confirmed } of commands) {
      const late = "Redis did not confirm a subscription";
      try {
        await within(confirmed, timeoutMs, late);
        this.#mustBe(pair);
        this.#settle(channels, true);
      } catch (error) {
        this.#mustBe(pair);
        if (isSocketError(error)) throw error;
        const each = channels.map((channel) => this.#reattach(pair, channel));
        await within(Promise.all(each), timeoutMs, late);
      }
    }
  }

  #mustBe(pair: ConnectionPair): void {
    if (this.#pair !== pair) throw unavailable("The session was lost");
  }

  /**
   * Subscribes one by one when Redis refused some channels. A refused new channel rejects for its caller; a refused
   * channel that was live before ends the session.
   */
  async #reattach(pair: ConnectionPair, channel: string): Promise<void> {
    try {
      await pair.subscribe([channel]);
      if (this.#pair === pair) this.#settle([channel], true);
    } catch (error) {
      this.#mustBe(pair);
      if (!this.#channels.get(channel)?.up) throw error;
      this.#refuse(channel, true, error);
    }
  }

  /** Ends a session. The next session subscribes again to channels that were live; subscriptions in progress reject. */
  detach(cause: unknown): void {
    this.#pair = undefined;
    this.#changed.clear();
    for (const [channel, it] of this.#channels) {
      it.busy = it.live = false;
      if (!it.wanted || it.up) this.#channels.delete(channel);
      it.off?.resolve();
      it.up?.reject(
        unavailable(
          `Cannot subscribe to ${
            JSON.stringify(channel)
          }: Redis is unreachable`,
          cause,
        ),
      );
      it.up = it.off = undefined;
    }
  }

  #enqueue(channel: string): void {
    if (this.#changed.size === 0) queueMicrotask(this.#flush);
    this.#changed.add(channel);
  }

  readonly #flush = (): void => {
    const pair = this.#pair;
    if (!pair) return;
    const touched = this.#changed;
    this.#changed = new Set();
    const subscribe: string[] = [];
    const unsubscribe: string[] = [];
    for (const channel of touched) {
      const it = this.#channels.get(channel);
      if (!it || it.busy) continue;
      if (it.wanted === it.live) this.#settleWaiters(channel, it);
      else (it.wanted ? subscribe : unsubscribe).push(channel);
    }
    for (const channels of chunks(unsubscribe)) {
      this.#command(pair, channels, false);
    }
    for (const channels of chunks(subscribe)) {
      this.#command(pair, channels, true);
    }
  };

  #command(
    pair: ConnectionPair,
    channels: readonly string[],
    live: boolean,
  ): void {
    for (const channel of channels) {
      const it = this.#channels.get(channel);
      if (it) it.busy = true;
    }
    const confirmed = live
      ? pair.subscribe(channels)
      : pair.unsubscribe(channels);
    confirmed.then(
      () => {
        if (this.#pair === pair) this.#settle(channels, live);
      },
      (error) => {
        if (this.#pair !== pair) return;
        if (channels.length === 1) {
          return this.#refuse(channels[0] ?? "", live, error);
        }
        // A channel that Redis refuses must not affect the others.
        for (const channel of channels) this.#command(pair, [channel], live);
      },
    );
  }

  #settle(channels: readonly string[], live: boolean): void {
    this.active = true;
    for (const channel of channels) {
      const it = this.#channels.get(channel);
      if (!it) continue;
      it.busy = false;
      it.live = live;
      if (it.wanted === live) this.#settleWaiters(channel, it);
      else this.#enqueue(channel);
    }
  }

  #refuse(channel: string, live: boolean, error: unknown): void {
    const it = this.#channels.get(channel);
    if (!it) return;
    it.busy = false;
    it.off?.resolve();
    it.up?.reject(
      unavailable(
        `Cannot subscribe to ${
          JSON.stringify(channel)
        }: Redis refused the subscription`,
        error,
      ),
    );
    it.up = it.off = undefined;
    // A refused UNSUBSCRIBE leaves the channel live: its messages are ignored.
    if (live || !it.wanted) this.#channels.delete(channel);
  }

  /** Settles the callers that wait for a channel. */
  #settleWaiters(channel: string, it: Channel): void {
    it.off?.resolve();
    if (it.wanted) it.up?.resolve();
    else {
      it.up?.reject(
        unavailable(
          `Cannot subscribe to ${
            JSON.stringify(channel)
          }: it was unsubscribed in the meantime`,
        ),
      );
      this.#channels.delete(channel);
    }
    it.up = it.off = undefined;
  }
}

function chunks(channels: readonly string[]): string[][] {
  const all: string[][] = [];
  for (let at = 0; at < channels.length; at += CHUNK) {
    all.push(channels.slice(at, at + CHUNK));
  }
  return all;
}
