/**
 * The kept topics of one node: publishing through the log, and subscribers that catch up before they are live.
 *
 * @module
 */
import type { Contract, Topic } from "../../contract/define.ts";
import type { Adapter } from "../../seams/adapter.ts";
import { quote } from "../../contract/names.ts";
import type { LogEntry, LogStore } from "../../seams/log.ts";
import { SocketError } from "../../wire/errors.ts";
import type { Joined } from "../../wire/joined.ts";
import { parsePosition, type Position } from "../../wire/position.ts";
import type { Codec, Frame } from "../../wire/protocol.ts";
import type { Hub, Member } from "../fanout/hub.ts";
import type { ReadyOff } from "../../wire/off.ts";
import type { TopicCounters } from "../stats/counters.ts";
import { elementText, type TopicAddress } from "./address.ts";
import { storedFrame, TopicFrames } from "./frames.ts";
import {
  ANYWHERE,
  type ChannelHost,
  type Found,
  KeptChannel,
} from "./kept_channel.ts";
import type { RingEntry } from "./ring.ts";
import { Snapshots } from "./snapshots.ts";

/** What kept topics need of a connection. */
export interface KeptMember<M> extends Member<M> {
  readonly outbox: Member<M>["outbox"] & {
    /** Takes a frame that is never dropped. */
    reply(frame: Frame, handedOver?: () => void): void;
  };
  /** Whether it has ended. */
  readonly over: boolean;
}

/** What kept topics need of their node. */
export interface KeptTopicsHost<M extends KeptMember<M>> {
  /** The logs; absent where the adapter has none, and no topic is kept. */
  readonly log: LogStore | undefined;
  readonly hub: Hub<M>;
  readonly codec: Codec;
  readonly counters: { readonly topics: TopicCounters };
  readonly settings: {
    readonly backpressure: { readonly maxBufferedBytes: number };
    readonly limits: { readonly maxSnapshots: number };
  };
  /** Something failed in the background. */
  reportLog(error: unknown): void;
}

/** What became of a published message of a kept topic. */
export interface Published {
  /**
   * `true`: it is kept, and this node's subscribers have it. `false`: it is not kept, and nobody gets it. `"unknown"`: it
   * may be kept.
   */
  readonly kept: boolean | "unknown";
}

/** How one message of a kept topic is published. */
export interface PublishOptions {
  /**
   * Your own id of the message, 1 to 256 characters: while the first message of an id is kept, further ones of that id
   * store nothing, so that you can publish again after a failure.
   */
  readonly id?: string;
}

/** Makes the snapshot of a kept topic. */
export type SnapshotFunction<
  Params = unknown,
  Ctx = unknown,
  Conn = unknown,
  Value = unknown,
> =
  & {
    make(params: Params, ctx: Ctx, conn: Conn): Value | Promise<Value>;
  }["make"]
  // With a method's type and a member, a server whose `ctx` is known is one whose `ctx` is not: the compiler holds plain
  // callbacks to more.
  & { readonly name?: string };

/** How a subscriber starts. */
export interface KeptRequest {
  /** The position after which it goes on. */
  readonly after: Position | undefined;
  /** How many of the newest messages it wants at first. */
  readonly replay: number | undefined;
  /** Whether it wants a snapshot: never, when it cannot go on from a position, or always. */
  readonly snapshot: 0 | 1 | 2;
}

/** One subscriber on its way to be live. */
export interface Attempt {
  /** Settles when it is live, or when it was cancelled; rejects with what its client is to be told. */
  readonly done: Promise<void>;
  /** Ends it. */
  cancel(): void;
}

interface Open<M> {
  readonly channel: KeptChannel;
  /** Keeps the channel subscribed at the adapter. */
  readonly off: ReadyOff;
  readonly attempts: Map<M, { cancelled: boolean }>;
}

/**
 * Refuses a contract with kept topics where the adapter cannot keep them.
 *
 * @throws {TypeError} The message names the first kept topic
 */
export function checkKept(contract: Contract, { log }: Adapter): void {
  if (log) return;
  for (const { topics } of contract.roles.values()) {
    for (const { block, name, keep } of topics.values()) {
      if (!keep) continue;
      throw new TypeError(
        `Cannot create a server: topic ${
          quote(`${block}.${name}`)
        } is kept, and the adapter has no log, must be one that has, such as createRedisAdapter`,
      );
    }
  }
}

/** How often a subscriber starts over before it is refused. */
const MAX_TRIES = 3;

/** All kept topics of one node. */
export class KeptTopics<M extends KeptMember<M>> {
  /** What makes the snapshot of each topic. */
  readonly snapshots: Map<Topic, SnapshotFunction> = new Map();
  readonly #host: KeptTopicsHost<M>;
  readonly #running: Snapshots;
  readonly #open = new Map<string, Open<M>>();
  #failing = false;

  constructor(host: KeptTopicsHost<M>) {
    this.#host = host;
    this.#running = new Snapshots(host.settings.limits.maxSnapshots);
  }

  /** The size of each collection. */
  sizes(): Record<string, number> {
    let attempts = 0;
    for (const open of this.#open.values()) attempts += open.attempts.size;
    return {
      keptChannels: this.#open.size,
      keptAttempts: attempts,
      snapshots: this.#running.waiting,
    };
  }

  /**
   * Appends a message to the log of its topic.
   *
   * @param frame The message's frame, without a position
   * @returns Resolves after this node's members were served; never rejects
   * @throws {RangeError} When the frame is larger than the adapter can carry
   */
  publish(
    { topic, channel }: TopicAddress,
    frame: Frame,
    options: PublishOptions = {},
  ): Promise<Published> {
    const { hub } = this.#host;
    hub.checkSize(channel, frame);
    const { id } = options;
    if (
      id !== undefined && !(typeof id === "string" && /^.{1,256}$/su.test(id))
    ) {
      throw new TypeError(
        `Cannot publish ${quote(topic.name)}: its id is ${
          typeof id === "string" ? `of ${id.length} characters` : typeof id
        }, must be a text of 1 to 256 characters`,
      );
    }
    return this.#append(topic, channel, storedFrame(frame), id);
  }

  /** Messages were appended to the log of a channel. */
  appended(channel: string, entries: readonly LogEntry[]): void {
    this.#open.get(channel)?.channel.take(entries);
  }

  /** Pushes may be missing, on all channels when none are named. */
  lost(channels: Iterable<string> = this.#open.keys()): void {
    for (const name of [...channels]) this.#open.get(name)?.channel.recover();
  }

  /**
   * Brings a subscriber up to date and makes it a member. One that is a member already is none until then.
   *
   * @param answer Called once, before anything else is sent to the subscriber, with what its `sub` is answered with
   * @param snapshot Makes the snapshot
   */
  attach(
    address: TopicAddress,
    member: M,
    request: KeptRequest,
    answer: (joined: Joined & { readonly position?: Position }) => void,
    snapshot: () => Promise<unknown>,
  ): Attempt {
    const open = this.#opened(address);
    const { channel, attempts } = open;
    const before = attempts.get(member);
    if (before) before.cancelled = true;
    const attempt = { cancelled: false };
    attempts.set(member, attempt);
    this.#part(channel.name, member);
    const done = this.#attach(open, member, request, attempt, answer, snapshot)
      .finally(() => {
        if (attempts.get(member) === attempt) attempts.delete(member);
        this.#release(channel.name);
      });
    return { done, cancel: () => void (attempt.cancelled = true) };
  }

  /** Ends a membership, or an attempt to become a member. */
  leave(name: string, member: M): void {
    const open = this.#open.get(name);
    const attempt = open?.attempts.get(member);
    if (attempt) attempt.cancelled = true;
    this.#part(name, member);
    this.#release(name);
  }

  /** Tells a member to ask again, since it may have missed something. */
  tell(member: M, address: TopicAddress): void {
    member.outbox.reply(`["gap",{},${elementText(address)}]`);
  }

  /** Ends all. */
  close(): void {
    for (const { channel } of this.#open.values()) channel.close();
    this.#open.clear();
  }

  async #append(
    { name, keep }: Topic,
    channel: string,
    payload: string,
    id: string | undefined,
  ): Promise<Published> {
    const { log, counters, reportLog } = this.#host;
    if (!log || !keep) return { kept: false }; // refused when the server was made
    const { last, forMs } = keep;
    const options = { last, forMs, ...(id !== undefined && { id }) };
    const appended = await log.append(channel, payload, options);
    const { topics } = counters;
    if (appended.kept === true) {
      topics.kept++;
      this.#failing = false;
      const open = this.#open.get(channel);
      if (!appended.repeated) {
        await open?.channel.served(appended.position, payload);
      }
      return { kept: true };
    }
    topics[appended.kept === false ? "notKept" : "unknown"]++;
    if (!this.#failing) { // once for all that fail in a row
      this.#failing = true;
      reportLog(
        new SocketError(
          "UNAVAILABLE",
          `A message of topic ${quote(name)} ${
            appended.kept === false ? "was not kept" : "may not have been kept"
          }; further ones in a row are only counted`,
          undefined,
          { cause: appended.cause },
        ),
      );
    }
    return { kept: appended.kept };
  }

  #opened(address: TopicAddress): Open<M> {
    const { hub, log, counters, settings, reportLog } = this.#host;
    const { channel: name, topic } = address;
    let open = this.#open.get(name);
    if (open) return open;
    if (!log) throw new TypeError("Cannot subscribe: the adapter has no log");
    const host: ChannelHost = {
      log,
      counters: counters.topics,
      maxBufferedBytes: settings.backpressure.maxBufferedBytes,
      deliver: (channel, frame) => hub.deliver(channel, frame),
      refuse: (channel, flaw) => hub.refuse(channel, flaw),
      report: reportLog,
    };
    const frames = new TopicFrames(elementText(address));
    open = {
      channel: new KeptChannel(host, name, topic, frames),
      off: hub.listen(name, () => {}),
      attempts: new Map(),
    };
    this.#open.set(name, open);
    return open;
  }

  #part(name: string, member: M): void {
    const channel = this.#host.hub.channel(name);
    if (channel) this.#host.hub.leave(channel, member);
  }

  #release(name: string): void {
    const open = this.#open.get(name);
    if (!open || open.attempts.size > 0 || this.#host.hub.has(name)) return;
    this.#open.delete(name);
    open.channel.close();
    open.off();
  }

  async #attach(
    { channel, off }: Open<M>,
    member: M,
    request: KeptRequest,
    attempt: { readonly cancelled: boolean },
    answer: (joined: Joined & { readonly position?: Position }) => void,
    snapshot: () => Promise<unknown>,
  ): Promise<void> {
    if (!(await off.ready).live) {
      throw new SocketError(
        "UNAVAILABLE",
        "The topic cannot be heard: the adapter does not reach its broker",
      );
    }
    const gone = () => attempt.cancelled || member.over;
    const rest = channel.wait();
    try {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        if (gone()) return;
        if (channel.isLatest) {
          await channel.find(ANYWHERE);
          if (!gone()) this.#startLatest(channel, member, request, answer);
          return;
        }
        const start = await this.#startOf(channel, request);
        if (gone()) return;
        let first: Frame | undefined;
        if (
          request.snapshot === 2 ||
          request.snapshot === 1 && start.resumed !== true
        ) {
          const value = await this.#running.run(() => {
            // As late as can be: it may hold what follows, but must not lack what is before.
            if (!start.resumed) start.from = channel.cursor.text;
            return snapshot();
          }, () => !gone());
          if (gone()) return;
          this.#host.counters.topics.snapshots++;
          start.found = undefined;
          first = this.#host.codec.frame(
            ["snap", JSON.parse(channel.frames.at(start.from))],
            value,
          );
        }
        if (await this.#catchUp(channel, member, start, first, answer, gone)) {
          return;
        }
      }
    } finally {
      rest();
    }
    throw new SocketError(
      "UNAVAILABLE",
      "More messages came than can be held while the subscription was prepared",
    );
  }

  #startLatest(
    channel: KeptChannel,
    member: M,
    { after }: KeptRequest,
    answer: (joined: Joined & { readonly position?: Position }) => void,
  ): void {
    const { newest } = channel;
    const position = newest?.position ?? channel.cursor.text;
    const isNew = newest !== undefined && position !== after;
    answer({ live: true, ...(!isNew && { position }) }); // else the value brings it
    if (isNew) {
      this.#host.counters.topics.replayed++;
      member.outbox.reply(newest.frame);
    }
    void this.#host.hub.join(channel.name, member); // never rejects
  }

  async #startOf(
    channel: KeptChannel,
    { after, replay }: KeptRequest,
  ): Promise<{
    from: Position;
    resumed: boolean | undefined;
    found: Found | undefined;
  }> {
    const { topics } = this.#host.counters;
    if (after !== undefined) {
      const found = await channel.find(after);
      if (found.whole) {
        topics.resumed++;
        return { from: after, resumed: true, found };
      }
      topics.gaps++;
      const epoch = parsePosition(after)?.epoch;
      topics.gapCauses[epoch === channel.cursor.epoch ? "trimmed" : "epoch"]++;
      return {
        from: channel.cursor.text,
        resumed: false,
        found: undefined,
      };
    }
    await channel.find(ANYWHERE);
    if (replay === undefined) {
      return {
        from: channel.cursor.text,
        resumed: undefined,
        found: undefined,
      };
    }
    const found = await channel.recent(replay);
    return { from: found.from, resumed: undefined, found };
  }

  /**
   * Sends a subscriber all that it lacks, and makes it a member in the turn in which it lacks nothing.
   *
   * @returns `false` when it has to start over, and nothing was sent
   */
  async #catchUp(
    channel: KeptChannel,
    member: M,
    { from, resumed, found }: {
      readonly from: Position;
      readonly resumed: boolean | undefined;
      readonly found: Found | undefined;
    },
    first: Frame | undefined,
    answer: (joined: Joined & { readonly position?: Position }) => void,
    gone: () => boolean,
  ): Promise<boolean> {
    const { outbox } = member;
    const { topics } = this.#host.counters;
    let answered = false;
    let position = from;
    let page = found?.entries;
    while (!gone()) {
      const known = channel.known(position);
      const entries = known ?? page;
      page = undefined;
      if (!entries || !known && entries.length === 0) {
        const next = await channel.find(position);
        if (gone()) break;
        if (!next.whole) {
          if (!answered) return false;
          outbox.reply(`["gap",{},${channel.frames.at(position)}]`);
          return true;
        }
        page = next.entries;
        if (page.length > 0 || channel.known(position)) continue;
        // The log is ahead of this node, or in another epoch: it is reading.
        await channel.recovered();
        if (gone()) break;
        if (channel.known(position)) continue;
        if (!answered) return false;
        outbox.reply(`["gap",{},${channel.frames.at(position)}]`);
        return true;
      }
      if (!answered) {
        answered = true;
        const replayed = replayedOf(from, entries, known && channel);
        topics.replayed += replayed;
        answer({
          live: true,
          position: from,
          ...(resumed !== undefined && { resumed }),
          replayed,
        });
        if (first !== undefined) outbox.reply(first);
      }
      const { sent, full } = this.#send(entries, outbox);
      position = entries[sent - 1]?.position ?? position;
      if (sent === entries.length && position === channel.cursor.text) {
        void this.#host.hub.join(channel.name, member); // never rejects
        return true;
      }
      if (!full) continue;
      // The next page when this one has left: the reader's pace, not the limit for slow readers.
      await new Promise((resolve) => setTimeout(resolve));
      await new Promise<void>((resolve) => outbox.reply(NO_FRAME, resolve));
    }
    return true;
  }

  /** Sends as many as may wait for a reader. */
  #send(
    entries: readonly RingEntry[],
    outbox: { reply(frame: Frame): void },
  ): { sent: number; full: boolean } {
    const most = this.#host.settings.backpressure.maxBufferedBytes / 2;
    let bytes = 0;
    let sent = 0;
    for (const { frame } of entries) {
      if (bytes > most) return { sent, full: true };
      outbox.reply(frame);
      sent++;
      bytes += frame.length;
    }
    return { sent, full: bytes > most };
  }
}

/** A frame that says nothing: clients ignore tags that they do not know. */
const NO_FRAME = '["noop"]';

/** How many messages follow a position up to the cursor. */
function replayedOf(
  from: Position,
  entries: readonly RingEntry[],
  channel: KeptChannel | undefined,
): number {
  const start = parsePosition(from);
  return channel && start?.epoch === channel.cursor.epoch
    ? channel.cursor.n - start.n
    : entries.length;
}
