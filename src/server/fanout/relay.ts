/**
 * The hub's connection to the adapter: subscribes to channels, sends and receives envelopes.
 *
 * @module
 */
import type { Adapter, AdapterHost } from "../../seams/adapter.ts";
import { Batch } from "../../wire/batch.ts";
import { exceeds } from "../../wire/bytes.ts";
import { backoffDelay } from "../../shared/backoff.ts";
import { kindOf, NODES, tagsOf } from "./channels.ts";
import { Deadlines } from "./deadlines.ts";
import { admit, type Delivery } from "./delivery.ts";
import {
  advance,
  type Envelope,
  type Position,
  seal,
  unseal,
} from "./envelope.ts";
import { Lag } from "./lag.ts";
import type { Frame } from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";

import { Sequences } from "./sequences.ts";
import { unref } from "../../shared/timers.ts";

/** Whether the adapter reaches its broker. */
export interface AdapterStatus {
  /** `up` until the adapter reports otherwise. */
  readonly state: "up" | "down";
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /** Why it is down. */
  readonly cause?: unknown;
}

/** Counters of the relay, in envelopes or payloads. */
export interface RelayCounters {
  /** Sent to other nodes. */
  published: number;
  /** Received from other nodes. */
  received: number;
  /** Received again, or older than one received before. */
  repeated: number;
  /** Missing numbers. */
  missed: number;
  /** Payloads that were not written by a node of this library. */
  foreign: number;
  /** Payloads that the adapter gave up on. */
  dropped: number;
  /** Sent to and received from all nodes by the directory of nodes; not included in the other counters. */
  directory: number;
}

/** Creates counters at zero. */
export function createRelayCounters(): RelayCounters {
  return {
    published: 0,
    received: 0,
    repeated: 0,
    missed: 0,
    foreign: 0,
    dropped: 0,
    directory: 0,
  };
}

/** What the relay needs of its node. */
export interface RelayHost {
  /** The node's id. */
  readonly nodeId: string;
  /** How long a join waits to be live, in milliseconds. */
  readonly subscribeTimeoutMs: number;
  /** Frames arrived from another node, without those that nodes do not send on such a channel. */
  deliver(channel: string, delivery: Delivery): void;
  /** The adapter reported that it is up, perhaps again. */
  up(): void;
  /** A background error. */
  report(error: unknown): void;
  /** Messages were appended to the log of a channel. */
  readonly appended: AdapterHost["appended"];
  /** Pushes of logs may be missing. */
  readonly lost: AdapterHost["lost"];
}

/** One channel that this node subscribes to. */
interface Interest {
  live: boolean;
  /** Settles when the attempt in progress is live, failed or too slow. */
  joined: Promise<Joined>;
  /** Settles `joined`; `undefined` when it is settled. */
  settle: ((joined: Joined) => void) | undefined;
  positions: Map<string, Position> | undefined;
  /** The tags of frames that are allowed on the channel; looked up with the first frame. */
  tags: ReadonlySet<string> | undefined;
}

const LIVE: Joined = { live: true };
const LOCAL: Joined = { live: false };
const LIVE_NOW: Promise<Joined> = Promise.resolve(LIVE);
const LOCAL_NOW: Promise<Joined> = Promise.resolve(LOCAL);
const RETRY = { baseMs: 250, maxMs: 10_000, factor: 2 };
/** How long envelopes from before this start of the node may still arrive, in milliseconds. */
const LATE_MS = 15_000;
/** The most senders that are remembered for one channel. */
const MAX_POSITIONS = 1_000;

/** Connects a hub to its adapter. */
export class Relay {
  readonly counters: RelayCounters = createRelayCounters();
  readonly #adapter: Adapter;
  readonly #host: RelayHost;
  readonly #interests = new Map<string, Interest>();
  readonly #deadlines: Deadlines<Interest>;
  /** Channels whose last attempt failed. */
  readonly #failed = new Set<string>();
  #retries = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #outgoing = new Map<string, Batch[]>();
  /** Unique to this start of the node. */
  readonly #start = crypto.randomUUID().slice(0, 8);
  readonly #startedAt = Date.now();
  #twinReported = false;
  readonly #sequences: Sequences;
  readonly #ownSequences: Sequences;
  #status: AdapterStatus = { state: "up", since: Date.now() };
  /** The kinds of channels on which a refused frame was reported. */
  readonly #reportedKinds = new Set<string>();
  readonly #lag = new Lag();
  #closed: Promise<void> | undefined;

  constructor(adapter: Adapter, host: RelayHost) {
    this.#adapter = adapter;
    this.#host = host;
    this.#deadlines = new Deadlines(
      host.subscribeTimeoutMs,
      (interest) => this.#settle(interest, LOCAL),
    );
    this.#sequences = new Sequences(this.#start);
    this.#ownSequences = new Sequences(this.#start);
    adapter.open({
      nodeId: host.nodeId,
      message: (channel, payload) => this.#receive(channel, payload),
      appended: host.appended,
      lost: host.lost,
      status: (state, cause) => {
        this.#turnTo(state, cause);
        if (state === "up") host.up();
      },
      dropped: (_channel, count) => void (this.counters.dropped += count),
      error: (error) => host.report(error),
    });
  }

  /** Whether the adapter reaches its broker. */
  get status(): AdapterStatus {
    return this.#status;
  }

  /** Whether the relay is closed or closing. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** The largest frame that can be sent, in bytes. */
  get maxFrameBytes(): number {
    return this.#adapter.limits.maxPayloadBytes - 8_192; // room for the envelope's first line; binary frames are checked at their length in base64
  }

  /** How long an envelope takes through the broker, if known. */
  get lagMs(): number | undefined {
    return this.#lag.ms;
  }

  /** The sizes of all collections. */
  sizes(): Record<string, number> {
    return {
      interests: this.#interests.size,
      failedInterests: this.#failed.size,
      outgoing: this.#outgoing.size,
      sequences: this.#sequences.size,
    };
  }

  /** Subscribes to a channel, or joins the attempt in progress. Never rejects. */
  want(channel: string): Promise<Joined> {
    const known = this.#interests.get(channel);
    if (known && this.#status.state === "down") return LOCAL_NOW;
    if (known) return known.live ? LIVE_NOW : known.joined;
    if (this.#closed) return LOCAL_NOW;
    const interest: Interest = {
      live: false,
      joined: LOCAL_NOW,
      settle: undefined,
      positions: undefined,
      tags: undefined,
    };
    this.#interests.set(channel, interest);
    if (this.#status.state === "down") this.#failed.add(channel);
    else if (this.#adapter.subscribeNow?.(channel)) {
      interest.live = true;
      interest.joined = LIVE_NOW;
    } else this.#attempt(channel, interest);
    return interest.joined;
  }

  /** Unsubscribes from a channel. */
  drop(channel: string): void {
    const interest = this.#interests.get(channel);
    if (!interest) return;
    this.#interests.delete(channel);
    this.#lag.forget(channel);
    this.#settle(interest, LOCAL);
    if (!this.#failed.delete(channel)) {
      this.#adapter.unsubscribe(channel).catch(this.#host.report);
    }
  }

  /**
   * Sends a frame to the other nodes at the end of the turn, together with other frames of the channel.
   *
   * @param frame One frame, or several already joined
   * @param count How many frames
   */
  send(channel: string, frame: Frame, count = 1): void {
    if (this.#closed || this.#adapter.alone?.()) return;
    if (this.#outgoing.size === 0) queueMicrotask(this.#flush);
    let batches = this.#outgoing.get(channel);
    if (!batches) this.#outgoing.set(channel, batches = []);
    if (batches.at(-1)?.add(frame, count)) return;
    batches.push(new Batch(frame, count));
  }

  /** Sends queued frames and closes the adapter. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  readonly #flush = (): void => {
    for (const [channel, batches] of this.#outgoing) {
      for (const batch of batches) this.#publish(channel, batch);
    }
    this.#outgoing.clear();
  };

  #publish(channel: string, batch: Batch): void {
    const own = channel === NODES;
    const { epoch, seq } = (own ? this.#ownSequences : this.#sequences)
      .next(channel);
    this.counters[own ? "directory" : "published"]++;
    if (!own && this.#interests.get(channel)?.live) {
      this.#lag.sent(channel, epoch, seq);
    }
    const payload = seal(this.#host.nodeId, epoch, seq, batch.join());
    try {
      this.#adapter.publish(channel, payload);
    } catch (error) {
      this.counters.dropped++; // an adapter must not throw here; one that does must not end the process or the flush
      this.#host.report(error);
    }
  }

  async #close(): Promise<void> {
    this.#flush();
    clearTimeout(this.#retryTimer);
    for (const interest of this.#interests.values()) {
      this.#settle(interest, LOCAL);
    }
    this.#interests.clear();
    this.#failed.clear();
    this.#sequences.clear();
    this.#ownSequences.clear();
    await this.#adapter.close();
  }

  #attempt(channel: string, interest: Interest): void {
    interest.joined = new Promise((resolve) => interest.settle = resolve);
    this.#adapter.subscribe(channel).then(
      () => {
        if (this.#interests.get(channel) !== interest) return;
        interest.live = true;
        this.#settle(interest, LIVE);
        if (this.#failed.size === 0) this.#retries = 0;
      },
      (error) => {
        if (this.#interests.get(channel) !== interest) return;
        this.#settle(interest, LOCAL);
        if (this.#failed.size === 0) this.#host.report(error); // reported once for all that fail together
        this.#failed.add(channel);
        this.#retryTimer ??= unref(
          setTimeout(this.#retry, backoffDelay(this.#retries++, RETRY)),
        );
      },
    );
    this.#deadlines.add(interest);
  }

  #settle(interest: Interest, joined: Joined): void {
    this.#deadlines.delete(interest);
    interest.settle?.(joined);
    interest.settle = undefined;
    interest.joined = joined.live ? LIVE_NOW : LOCAL_NOW; // a promise of its own would stay in memory as long as the channel
  }

  readonly #retry = (): void => {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (this.#closed || this.#status.state === "down") return;
    const failed = [...this.#failed];
    this.#failed.clear();
    for (const channel of failed) {
      const interest = this.#interests.get(channel);
      if (interest) this.#attempt(channel, interest);
    }
  };

  #turnTo(state: "up" | "down", cause: unknown): void {
    if (state === this.#status.state) return;
    this.#status = {
      state,
      since: Date.now(),
      ...(cause === undefined ? {} : { cause }),
    };
    if (state === "up") {
      this.#retry();
    } else {
      this.#lag.forget();
      if (cause !== undefined) this.#host.report(cause);
      for (const interest of this.#interests.values()) {
        if (!interest.live) this.#settle(interest, LOCAL);
      }
    }
  }

  #receive(channel: string, payload: string): void {
    const interest = this.#interests.get(channel);
    if (!interest) return;
    const envelope = exceeds(payload, this.#adapter.limits.maxPayloadBytes)
      ? undefined
      : unseal(payload);
    if (!envelope) {
      return this.refuse(channel, "it is no envelope of this library");
    }
    if (envelope.nodeId === this.#host.nodeId) {
      return this.#own(channel, envelope);
    }
    const positions = interest.positions ??= new Map();
    const step = advance(positions.get(envelope.nodeId), envelope);
    if (!step) {
      this.counters.repeated++;
      return;
    }
    positions.set(envelope.nodeId, step.position);
    if (positions.size > MAX_POSITIONS) {
      positions.delete(positions.keys().next().value ?? "");
    }
    // Directory messages are repeated before long, so a missing one is not a lost message.
    if (channel !== NODES) this.counters.missed += step.missed;
    const { frames, fields, refused, flaw = "" } = admit(
      interest.tags ??= tagsOf(channel),
      envelope.frames,
    );
    if (refused > 0) this.refuse(channel, flaw, refused);
    if (frames === undefined) return;
    this.counters[channel === NODES ? "directory" : "received"]++;
    this.#host.deliver(channel, { nodeId: envelope.nodeId, frames, fields });
  }

  /** An envelope with this node's own id arrived: its own, or one of another node with the same id. */
  #own(channel: string, envelope: Envelope): void {
    if (envelope.epoch.startsWith(`${this.#start}.`)) {
      return this.#lag.returned(channel, envelope);
    }
    // Envelopes that a node sent before it slept or restarted under its id may still arrive for a while.
    if (this.#twinReported || Date.now() - this.#startedAt < LATE_MS) return;
    this.#twinReported = true;
    this.#host.report(
      new TypeError(
        `Cannot tell two nodes apart: another one has the id ${
          JSON.stringify(envelope.nodeId)
        } too, so the two do not hear each other, must be unique in the cluster`,
      ),
    );
  }

  /**
   * Counts a frame that nodes do not send on such a channel. The first on each kind of channel is reported: a client of
   * the broker could send any number.
   */
  refuse(channel: string, flaw: string, count = 1): void {
    this.counters.foreign += count;
    const kind = kindOf(channel);
    if (this.#reportedKinds.has(kind)) return;
    this.#reportedKinds.add(kind);
    this.#host.report(
      new TypeError(
        `Cannot take what came on channel ${
          JSON.stringify(channel)
        }: ${flaw}, must be written by a node of the same version; further ones are only counted`,
      ),
    );
  }
}
