/**
 * Which channels are wanted, and which Redis has confirmed.
 *
 * @module
 */
import { createDeferred, type Deferred } from "../../src/shared/deferred.ts";
import { isSocketError } from "../../src/wire/errors.ts";
import type { Pair } from "./connections.ts";
import { unavailable, within } from "../shared/timing.ts";

/** How many channels one command names at most, so that others come between. */
const CHUNK = 500;

/** One channel. While a command is under way, what is asked for meanwhile waits for its end. */
interface Channel {
  wanted: boolean;
  /** What Redis has confirmed last. */
  live: boolean;
  busy: boolean;
  /** Those who wait for it to be live. */
  up: Deferred<void> | undefined;
  /** Those who wait for it to be silent. */
  off: Deferred<void> | undefined;
}

/** The subscriptions of one connection. The last call decides; one command a turn carries all that it can. */
export class Subscriptions {
  readonly #channels = new Map<string, Channel>();
  #touched = new Set<string>();
  #pair: Pair | undefined;
  /** Whether Redis confirmed something since this was last set to `false`. */
  heard = false;

  /** How many channels are held. */
  get size(): number {
    return this.#channels.size;
  }

  /** Whether a payload on the channel is for anybody. */
  wants(channel: string): boolean {
    return this.#channels.get(channel)?.wanted === true;
  }

  /** Resolves when live, rejects when the session is lost first. */
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
      this.#tell(channel, it);
      return Promise.resolve();
    }
    it.up ??= createDeferred();
    this.#touch(channel);
    return it.up.promise;
  }

  /** Resolves when nothing more can come. */
  unsubscribe(channel: string): Promise<void> {
    const it = this.#channels.get(channel);
    if (!it) return Promise.resolve();
    it.wanted = false;
    if (!it.live && !it.busy) {
      this.#tell(channel, it);
      return Promise.resolve();
    }
    it.off ??= createDeferred();
    this.#touch(channel);
    return it.off.promise;
  }

  /**
   * Starts a session: makes everything live that is wanted.
   *
   * @param pair The session
   * @param timeoutMs How long each command may take
   * @throws What the session failed with
   */
  async attach(pair: Pair, timeoutMs: number): Promise<void> {
    this.#pair = pair;
    this.#touched.clear(); // all of them are subscribed now
    const commands = chunks([...this.#channels.keys()]).map((channels) => {
      for (const channel of channels) {
        const it = this.#channels.get(channel);
        if (it) it.busy = true;
      }
      const confirmed = pair.subscribe(channels);
      confirmed.catch(() => {}); // the first to fail is told below, the others fail with it
      return { channels, confirmed };
    });
    for (const { channels, confirmed } of commands) {
      const late = "Redis has confirmed no subscription";
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

  #mustBe(pair: Pair): void {
    if (this.#pair !== pair) throw unavailable("The session was lost");
  }

  /** For channels of which some are refused: those that are new are by themselves, others end the session. */
  async #reattach(pair: Pair, channel: string): Promise<void> {
    try {
      await pair.subscribe([channel]);
      if (this.#pair === pair) this.#settle([channel], true);
    } catch (error) {
      this.#mustBe(pair);
      if (!this.#channels.get(channel)?.up) throw error;
      this.#refuse(channel, true, error);
    }
  }

  /** Ends a session. What was live is wanted in the next one; what was not is given up. */
  detach(cause: unknown): void {
    this.#pair = undefined;
    this.#touched.clear();
    for (const [channel, it] of this.#channels) {
      it.busy = it.live = false;
      if (!it.wanted || it.up) this.#channels.delete(channel);
      it.off?.resolve();
      it.up?.reject(
        unavailable(
          `Cannot subscribe to ${JSON.stringify(channel)}: Redis is away`,
          cause,
        ),
      );
      it.up = it.off = undefined;
    }
  }

  #touch(channel: string): void {
    if (this.#touched.size === 0) queueMicrotask(this.#flush);
    this.#touched.add(channel);
  }

  readonly #flush = (): void => {
    const pair = this.#pair;
    if (!pair) return;
    const touched = this.#touched;
    this.#touched = new Set();
    const subscribe: string[] = [];
    const unsubscribe: string[] = [];
    for (const channel of touched) {
      const it = this.#channels.get(channel);
      if (!it || it.busy) continue;
      if (it.wanted === it.live) this.#tell(channel, it);
      else (it.wanted ? subscribe : unsubscribe).push(channel);
    }
    for (const channels of chunks(unsubscribe)) {
      this.#command(pair, channels, false);
    }
    for (const channels of chunks(subscribe)) {
      this.#command(pair, channels, true);
    }
  };

  #command(pair: Pair, channels: readonly string[], live: boolean): void {
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
        // One that may not be subscribed must not keep the others from it.
        for (const channel of channels) this.#command(pair, [channel], live);
      },
    );
  }

  #settle(channels: readonly string[], live: boolean): void {
    this.heard = true;
    for (const channel of channels) {
      const it = this.#channels.get(channel);
      if (!it) continue;
      it.busy = false;
      it.live = live;
      if (it.wanted === live) this.#tell(channel, it);
      else this.#touch(channel);
    }
  }

  #refuse(channel: string, live: boolean, error: unknown): void {
    const it = this.#channels.get(channel);
    if (!it) return;
    it.busy = false;
    it.off?.resolve();
    it.up?.reject(
      unavailable(
        `Cannot subscribe to ${JSON.stringify(channel)}: Redis refuses it`,
        error,
      ),
    );
    it.up = it.off = undefined;
    // A refused UNSUBSCRIBE leaves it live: what comes is not wanted, and goes nowhere.
    if (live || !it.wanted) this.#channels.delete(channel);
  }

  /** Settles those who wait: what they asked for is so, or was overtaken. */
  #tell(channel: string, it: Channel): void {
    it.off?.resolve();
    if (it.wanted) it.up?.resolve();
    else {
      it.up?.reject(
        unavailable(
          `Cannot subscribe to ${
            JSON.stringify(channel)
          }: it was unsubscribed meanwhile`,
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
