/**
 * Channels and the connections of this node that are in them. Nothing else talks to the adapter.
 *
 * @module
 */
import type { Adapter } from "../../seams/adapter.ts";
import { Batch } from "../../wire/batch.ts";
import { exceeds } from "../../wire/bytes.ts";
import type { Joined } from "../../wire/joined.ts";
import { createOff, type ReadyOff } from "../../wire/off.ts";
import { kindOf } from "./channels.ts";
import type { Delivery } from "./delivery.ts";
import { SmallSet } from "../../shared/small_set.ts";
import { type Fields, type Frame, frameOf } from "../../wire/protocol.ts";
import { type AdapterStatus, Relay, type RelayHost } from "./relay.ts";
import type { GroupDomain, SocketGroups } from "../../seams/socket.ts";

/** What the hub needs of a connection. */
export interface Member<M> {
  /** Where its frames go. */
  readonly outbox: {
    push(frame: Frame, count?: number): void;
    share(batch: Batch, frame: Frame, count: number): void;
  };
  /** The channels it is in, in no order; kept by the hub. An array, since most are in a few: a Set of one takes 256 bytes on Bun. */
  channels: Channel<M>[] | undefined;
  /** The runtime's own fan-out. */
  readonly groups: SocketGroups | undefined;
  /** Whether a native publish may write to it: it is ready, and reads fast enough. */
  readonly groupable: boolean;
  /** How many bytes wait for its reader. */
  buffered(): number;
  /** It is in other channels than before. */
  changed(): void;
  /** It is served through its outbox from now on, until it is grouped again. */
  setApart(): void;
}

/** One channel with local members or listeners. */
export interface Channel<M> {
  /** Its name between nodes. */
  readonly name: string;
  /** Its name in the runtime's own fan-out, once it is used. */
  group: string;
  /** Members that are served through their outbox. */
  readonly direct: SmallSet<M>;
  /** Members that the runtime serves. */
  readonly grouped: SmallSet<M>;
  /** What this turn sends to all of `direct`. */
  batch: Batch | undefined;
  /** Which listener's sockets `grouped` are. */
  domain: GroupDomain | undefined;
  /** What else on this node wants the frames of other nodes. */
  listeners: Set<ChannelListener> | undefined;
}

/** Takes what other nodes send on a channel. */
export type ChannelListener = (delivery: Delivery) => void;

/** What a hub is made of. */
export interface HubOptions<M> extends Omit<RelayHost, "deliver"> {
  /** The fan-out between nodes. */
  readonly adapter: Adapter;
  /** The outboxes that wait. */
  readonly turn: {
    /** Writes what waits now. */
    flush(): void;
    /** Runs a function once the turn is over. */
    after(fn: () => void): void;
  };
  /** Frames went to members without passing an outbox. */
  wrote(frames: number): void;
  /** Another node orders all members of a user's channel to be closed. */
  ordered(channel: Channel<M>, order: Fields): void;
}

/** Tells whether a connection is a member. */
export function isIn<M>(channel: Channel<M>, member: M): boolean {
  return channel.direct.has(member) || channel.grouped.has(member);
}

/** Fans out, on this node and to the others. */
export class Hub<M extends Member<M>> {
  readonly #options: HubOptions<M>;
  readonly #relay: Relay;
  readonly #channels = new Map<string, Channel<M>>();
  #groups = 0;
  /** How many channels are heard for the node's own sake. */
  #own = 0;

  constructor(options: HubOptions<M>) {
    this.#options = options;
    this.#relay = new Relay(options.adapter, {
      nodeId: options.nodeId,
      subscribeTimeoutMs: options.subscribeTimeoutMs,
      report: options.report,
      up: options.up,
      appended: options.appended,
      lost: options.lost,
      deliver: (name, delivery) => {
        const channel = this.#channels.get(name);
        if (channel) this.#take(channel, delivery);
      },
    });
  }

  /** Whether the adapter reaches its broker. */
  get status(): AdapterStatus {
    return this.#relay.status;
  }

  /** How long an envelope takes through the broker, where it is known. */
  get lagMs(): number | undefined {
    return this.#relay.lagMs;
  }

  /** What was sent to and taken from other nodes. */
  get counters(): Relay["counters"] {
    return this.#relay.counters;
  }

  /** The size of each collection. */
  sizes(): Record<string, number> {
    const { interests = 0, ...sizes } = this.#relay.sizes();
    return {
      channels: this.#channels.size - this.#own,
      interests: interests - this.#own,
      ...sizes,
    };
  }

  /** All channels that have local members or listeners. */
  channels(): IterableIterator<Channel<M>> {
    return this.#channels.values();
  }

  /** A channel that has local members or listeners. */
  channel(name: string): Channel<M> | undefined {
    return this.#channels.get(name);
  }

  /** Makes a connection a member: on this node at once, in the cluster when the promise says so. Never rejects. */
  join(
    name: string,
    member: M,
    channel: Channel<M> = this.#channel(name),
  ): Promise<Joined> {
    if (!isIn(channel, member)) {
      (member.channels ??= []).push(channel);
      channel.direct.add(member);
      this.#group(channel, member);
      member.changed();
    }
    return this.#relay.want(name);
  }

  /** Ends a membership at once; of a non-member it does nothing. */
  leave(channel: Channel<M>, member: M): void {
    if (channel.direct.delete(member)) {
      channel.batch?.close(); // what it holds of it must not grow
    } else if (channel.grouped.delete(member)) {
      member.groups?.leave(channel.group);
    } else return;
    const { channels = [] } = member;
    const last = channels.pop();
    if (last && last !== channel) channels[channels.indexOf(channel)] = last;
    member.changed();
    this.#release(channel);
  }

  /**
   * Gives a listener the frames that come from other nodes.
   *
   * @param own Whether it is the only one, for the node's own sake; its channel is then counted in no size
   */
  listen(
    name: string,
    listener: ChannelListener,
    own = false,
  ): ReadyOff {
    const ready = this.#relay.want(name);
    if (this.#relay.closed) {
      return Object.assign(createOff(() => {}), { ready });
    }
    const channel = this.#channel(name);
    const listeners = channel.listeners ??= new Set();
    listeners.add(listener);
    if (own) this.#own++;
    const off = () => {
      if (!listeners.delete(listener)) return;
      if (own && !this.#relay.closed) this.#own--;
      this.#release(channel);
    };
    return Object.assign(createOff(off), { ready });
  }

  /**
   * Sends a frame to all members of a channel, here and on every other node.
   *
   * @param except Members of this node that are left out
   * @throws {RangeError} When the frame is larger than the adapter can carry, before anybody got it
   */
  publish(name: string, frame: Frame, except?: ReadonlySet<M>): void {
    this.checkSize(name, frame);
    const channel = this.#channels.get(name);
    if (channel && except) {
      for (const member of membersOf(channel)) {
        if (!except.has(member)) member.outbox.push(frame);
      }
    } else if (channel) this.#deliver(channel, frame, 1);
    this.#relay.send(name, frame);
  }

  /**
   * Sends a frame to this node's members of a channel only.
   *
   * @param count How many frames it is, already joined
   */
  deliver(name: string, frame: Frame, count = 1): void {
    const channel = this.#channels.get(name);
    if (channel) this.#give(channel, frame, count);
  }

  /** Whether a channel has members on this node. */
  has(name: string): boolean {
    const channel = this.#channels.get(name);
    return channel !== undefined &&
      channel.direct.size + channel.grouped.size > 0;
  }

  /**
   * Sends a frame to the other nodes only. Throws as `publish` does.
   */
  emit(name: string, frame: Frame): void {
    this.checkSize(name, frame);
    this.#relay.send(name, frame);
  }

  /** Counts something that came on a channel and cannot be taken; the first of its kind is reported. */
  refuse(name: string, flaw: string): void {
    this.#relay.refuse(name, flaw);
  }

  /** Puts a member back into the runtime's own fan-out, now that it may be. */
  regroup(member: M): void {
    for (const channel of member.channels ?? []) this.#group(channel, member);
  }

  /** Takes a member out of the runtime's own fan-out, since its reader is slow: its outbox bounds what waits. */
  ungroup(member: M): void {
    member.setApart();
    for (const channel of member.channels ?? []) {
      if (!channel.grouped.delete(member)) continue;
      member.groups?.leave(channel.group);
      channel.direct.add(member);
    }
  }

  /** Sends what waits and ends the adapter. */
  close(): Promise<void> {
    this.#channels.clear();
    this.#own = 0;
    return this.#relay.close();
  }

  #channel(name: string): Channel<M> {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = {
        name,
        group: "",
        direct: new SmallSet(),
        grouped: new SmallSet(),
        batch: undefined,
        domain: undefined,
        listeners: undefined,
      };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #release(channel: Channel<M>): void {
    if (
      channel.direct.size + channel.grouped.size > 0 || channel.listeners?.size
    ) return;
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    this.#relay.drop(channel.name);
  }

  #take(channel: Channel<M>, delivery: Delivery): void {
    const { frames, fields } = delivery;
    if (!fields.some(isOrder) || kindOf(channel.name) !== "user") {
      this.#give(channel, frames, fields.length);
    } else {
      for (const it of fields) {
        if (isOrder(it)) this.#options.ordered(channel, it);
        else this.#give(channel, frameOf(it), 1);
      }
    }
    for (const listener of channel.listeners ?? []) listener(delivery);
  }

  #give(channel: Channel<M>, frames: Frame, count: number): void {
    if (channel.direct.size === 0 && channel.grouped.size === 0) return;
    this.#deliver(channel, frames, count);
  }

  #deliver(channel: Channel<M>, frame: Frame, count: number): void {
    let slow = false;
    if (channel.grouped.size > 0 && channel.domain) {
      this.#options.turn.flush(); // what was sent to a member before goes first
      this.#options.wrote(count * channel.grouped.size);
      slow = !channel.domain.publish(channel.group, frame);
    }
    if (channel.direct.size === 1) {
      for (const member of channel.direct) member.outbox.push(frame, count);
    } else if (channel.direct.size > 1) {
      const batch = this.#shared(channel, frame, count);
      for (const member of channel.direct) {
        member.outbox.share(batch, frame, count);
      }
    }
    if (!slow) return;
    // Last, since it makes them direct, and they have the frame.
    for (const member of channel.grouped) {
      if (member.buffered() > 0) this.ungroup(member);
    }
  }

  /** What a channel's members have in common this turn, with the frame at its end. */
  #shared(channel: Channel<M>, frame: Frame, count: number): Batch {
    if (channel.batch?.add(frame, count)) return channel.batch;
    if (!channel.batch) {
      this.#options.turn.after(() => channel.batch = undefined);
    }
    return channel.batch = new Batch(frame, count, true);
  }

  /** Moves a member, and at the second one all, to the runtime's own fan-out: for one alone it costs more than it saves. */
  #group(channel: Channel<M>, member: M): void {
    if (!member.groupable || !member.groups || !channel.direct.has(member)) {
      return;
    }
    if (channel.grouped.size === 0) {
      if (channel.direct.size < 2) return;
      channel.domain = member.groups.domain;
      channel.group ||= `${this.#options.nodeId}/${this.#groups++}`;
    }
    for (const other of channel.grouped.size > 0 ? [member] : channel.direct) {
      if (!other.groupable || other.groups?.domain !== channel.domain) continue;
      channel.direct.delete(other);
      channel.grouped.add(other);
      other.groups?.join(channel.group);
    }
  }

  /** @throws {RangeError} When a frame is larger than the adapter can carry */
  checkSize(name: string, frame: Frame): void {
    const max = this.#relay.maxFrameBytes;
    if (exceeds(frame, typeof frame === "string" ? max : max * 3 / 4)) {
      throw new RangeError(
        `Cannot send on ${
          JSON.stringify(name)
        }: the frame is larger than the adapter carries, must be at most ${max} bytes`,
      );
    }
  }
}

/** All members of a channel on this node, as they are now. */
export function membersOf<M>(channel: Channel<M>): M[] {
  return [...channel.direct, ...channel.grouped];
}

/** On a user's channel an order to close travels among the events, so that it overtakes none of them. */
function isOrder([tag]: Fields): boolean {
  return tag === "close";
}
