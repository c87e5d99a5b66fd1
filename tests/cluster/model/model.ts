/**
 * Who must, may and must not get each message. What it is told comes from the wire, so it knows an instant only as
 * before, after or within a window: from asking for a change until its answer, and from ordering a message until it
 * has landed on a node. Only where two windows meet may a receiver get a message or not.
 */
import { events, type Payload } from "./api.ts";

/** `local`: a member on its node, which the others may not reach yet. */
type Membership = "out" | "changing" | "local" | "in";

/** One connection, or the listener of one node. */
export class Receiver {
  readonly node: number;
  readonly isNode: boolean;
  /** Is in its channels from the first message to the last. */
  anchored = false;
  /** Since when there is one, Infinity before. */
  since = Infinity;
  readonly memberships = new Map<string, Membership>();
  /** The last number from each node on each channel. */
  readonly last = new Map<string, number>();

  constructor(node: number, isNode: boolean) {
    this.node = node;
    this.isNode = isNode;
  }

  in(channel: string): Membership {
    return this.memberships.get(channel) ?? "out";
  }

  get settled(): boolean {
    return ![...this.memberships.values()].includes("changing");
  }
}

interface Message {
  readonly n: number;
  readonly node: number;
  readonly channel: string;
  readonly orderedAt: number;
  madeAt: number;
  seq: number;
  /** The turn of its node: what one turn publishes to one channel is one envelope. */
  turn: number;
  /** The nodes that it cannot come to any more. */
  readonly landed: boolean[];
  must: Set<Receiver>;
  may: Set<Receiver>;
  /** Members that an outage may keep it from. */
  risky: Set<Receiver>;
  got: Set<Receiver>;
  /** How many of `must` have not got it. */
  unmet: number;
  /** Receivers that there were. */
  pairs: number;
  retired: boolean;
}

/** How long things take. */
export interface ModelTimes {
  /** After how long a message is nowhere under way any more. */
  readonly landMs: number;
  /** After how long one that did not come is missing. */
  readonly patienceMs: number;
  /** Whether the broker may deliver again: then one that a node has got is still under way to it. */
  readonly repeats?: boolean;
}

/** Faults by kind. */
export type Faults = Readonly<Record<string, number>>;

export class Model {
  readonly #times: ModelTimes;
  readonly #receivers = new Set<Receiver>();
  readonly #messages: Message[] = [];
  readonly #live = new Map<string, Set<Message>>();
  readonly #faults: Record<string, number> = {};
  readonly #lostEnvelopes = new Set<string>();
  /** Some of the faults, in words. */
  readonly examples: string[] = [];
  readonly pairs = { must: 0, may: 0, mustNot: 0, risky: 0 };
  /** Deliveries that came. */
  delivered = 0;
  /** Of `risky`: those that did not get it. */
  lost = 0;
  /** Messages that somebody still has to get. */
  pending = 0;
  #outage = false;

  constructor(times: ModelTimes) {
    this.#times = times;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Envelopes that did not come to a node which was subscribed all the time. */
  get lostEnvelopes(): number {
    return this.#lostEnvelopes.size;
  }

  fault(kind: string, what: string): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    if (this.examples.length < 20) this.examples.push(`${kind}: ${what}`);
  }

  // --- Receivers ----------------------------------------------------------------------------------------------------

  /** A connection is open, or a node has started. */
  add(receiver: Receiver): void {
    receiver.since = performance.now();
    this.#receivers.add(receiver);
  }

  joining(receiver: Receiver, channel: string): void {
    receiver.memberships.set(channel, "changing");
    const now = performance.now();
    for (const message of this.#live.get(channel) ?? []) {
      if (message.must.has(receiver) || message.may.has(receiver)) continue;
      if (message.risky.has(receiver)) continue;
      if (isSender(receiver, message)) continue;
      const { landed, madeAt, orderedAt } = message;
      const over = landed[receiver.node] || now - madeAt > this.#times.landMs;
      if (over) continue;
      message.may.add(receiver);
      if (receiver.since > orderedAt) message.pairs++;
    }
  }

  joined(receiver: Receiver, channel: string, live: boolean): void {
    if (receiver.in(channel) !== "changing") return;
    receiver.memberships.set(channel, live ? "in" : "local");
    if (!live && !this.#outage) this.fault("not live", channel);
  }

  leaving(receiver: Receiver, channel: string): void {
    receiver.memberships.set(channel, "changing");
    for (const message of this.#live.get(channel) ?? []) {
      if (message.got.has(receiver)) continue;
      if (message.risky.delete(receiver)) message.may.add(receiver);
      if (!message.must.delete(receiver)) continue;
      message.may.add(receiver);
      this.#met(message);
    }
  }

  left(receiver: Receiver, channel: string): void {
    receiver.memberships.delete(channel);
  }

  /** A connection begins to end. */
  ending(receiver: Receiver): void {
    for (const channel of receiver.memberships.keys()) {
      this.leaving(receiver, channel);
    }
  }

  /** Nothing can come to it any more. */
  end(receiver: Receiver): void {
    this.ending(receiver);
    this.#receivers.delete(receiver);
  }

  // --- Messages -----------------------------------------------------------------------------------------------------

  /** Notes a message that is about to be ordered of a node, and gives its number. */
  order(node: number, channel: string): number {
    const message: Message = {
      n: this.#messages.length,
      node,
      channel,
      orderedAt: performance.now(),
      madeAt: Infinity,
      seq: 0,
      turn: 0,
      landed: [],
      must: new Set(),
      may: new Set(),
      risky: new Set(),
      got: new Set(),
      unmet: 0,
      pairs: 0,
      retired: false,
    };
    this.#messages.push(message);
    for (const receiver of this.#receivers) {
      if (receiver.isNode !== (channel === events)) continue;
      message.pairs++;
      const membership = receiver.in(channel);
      if (membership === "out" || isSender(receiver, message)) continue;
      this.#sort(message, receiver, membership);
    }
    message.unmet = message.must.size;
    if (message.unmet > 0) this.pending++;
    let live = this.#live.get(channel);
    if (!live) this.#live.set(channel, live = new Set());
    live.add(message);
    return message.n;
  }

  #sort(message: Message, receiver: Receiver, membership: Membership): void {
    const here = receiver.node === message.node;
    if (membership === "changing") message.may.add(receiver);
    else if (here || (membership === "in" && !this.#outage)) {
      message.must.add(receiver);
    } else if (this.#outage) message.risky.add(receiver);
    else message.may.add(receiver);
  }

  /** The node has published it, or does so in this turn. */
  made(n: number, seq: number, turn: number): void {
    const message = this.#at(n);
    if (!message) return this.fault("stray", `${n} was made`);
    message.madeAt = performance.now();
    message.seq = seq;
    message.turn = turn;
    message.landed[message.node] = true;
  }

  got(receiver: Receiver, { n, seq, channel, pad }: Payload): void {
    this.delivered++;
    const message = this.#at(n);
    const fault = (kind: string, more = "") => {
      const to = receiver.isNode ? "node" : "a client of node";
      this.fault(
        kind,
        `${n} of ${channel} to ${to} ${receiver.node}, ${
          receiver.in(channel)
        }, from node ${message?.node}${more}`,
      );
    };
    if (!message || message.channel !== channel || pad.length !== n % 200) {
      return fault("altered");
    }
    const from = `${message.node} ${channel}`;
    const last = receiver.last.get(from) ?? 0;
    if (message.got.has(receiver) || seq === last) {
      return fault("repeated");
    }
    if (seq < last) return fault("swapped", `, ${seq} after ${last}`);
    receiver.last.set(from, seq);
    const { must, may, risky } = message;
    if (message.retired) return fault("too late or not for it");
    if (!must.has(receiver) && !may.has(receiver) && !risky.has(receiver)) {
      return fault("not for it");
    }
    message.got.add(receiver);
    if (must.has(receiver)) this.#met(message);
    if (!this.#times.repeats && !message.landed[receiver.node]) {
      this.#land(message, receiver.node, seq);
    }
  }

  /** Whoever makes a message by a call has it before the answer, as a member. */
  answered(receiver: Receiver, n: number): void {
    const message = this.#at(n);
    if (message?.must.has(receiver) && !message.got.has(receiver)) {
      this.fault("overtaken", `${n} by the answer of its call`);
    }
  }

  /** Whether all whom an outage might have kept it from have it. */
  reached(n: number): boolean {
    const { channel, risky, got, unmet } = this.#at(n) as Message; // the caller ordered it
    return unmet === 0 &&
      [...risky].every((it) =>
        got.has(it) || !["in", "local"].includes(it.in(channel))
      );
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  /** The other nodes may not be reached from now on. */
  beginOutage(): void {
    this.#outage = true;
    for (const live of this.#live.values()) {
      for (const message of live) {
        for (const receiver of message.must) {
          if (message.got.has(receiver) || receiver.node === message.node) {
            continue;
          }
          message.must.delete(receiver);
          message.risky.add(receiver);
          this.#met(message);
        }
      }
    }
  }

  /** Every node reaches every member again. */
  endOutage(): void {
    this.#outage = false;
    for (const { memberships } of this.#receivers) {
      for (const [channel, membership] of memberships) {
        if (membership === "local") memberships.set(channel, "in");
      }
    }
  }

  /** Closes the books on what has landed everywhere; `true` when that is all. */
  sweep(): boolean {
    const now = performance.now();
    let left = 0;
    for (const live of this.#live.values()) {
      for (const message of live) {
        const { orderedAt, madeAt, unmet } = message;
        const missing = now - orderedAt > this.#times.patienceMs;
        const landed = now - madeAt > this.#times.landMs && unmet === 0;
        if (missing || landed) {
          live.delete(message);
          this.#retire(message);
        } else left++;
      }
    }
    return left === 0;
  }

  #retire(message: Message): void {
    const { must, may, risky, got, n, channel, node, turn, madeAt } = message;
    if (message.unmet > 0) {
      this.pending--;
      for (const receiver of must) {
        if (got.has(receiver)) continue;
        this.fault(
          "missing",
          `${n} of ${channel}, from node ${node} to node ${receiver.node}`,
        );
      }
    }
    if (madeAt === Infinity) this.fault("missing", `${n} was never made`);
    this.pairs.must += must.size;
    this.pairs.may += may.size;
    this.pairs.risky += risky.size;
    this.pairs.mustNot += message.pairs - must.size - may.size - risky.size;
    for (const receiver of risky) {
      if (got.has(receiver)) continue;
      this.lost++;
      if (receiver.anchored) {
        this.#lostEnvelopes.add(
          `${receiver.node} misses ${node} ${channel} ${turn}`,
        );
      }
    }
    message.must =
      message.may =
      message.risky =
      message.got =
        NOBODY;
    message.retired = true;
  }

  /** One receiver of `must` has it, or need not. */
  #met(message: Message): void {
    if (--message.unmet === 0) this.pending--;
  }

  /** What a node has got is over there, and what was published before it on that channel as well. */
  #land(message: Message, node: number, seq: number): void {
    message.seq = seq;
    for (const other of this.#live.get(message.channel) ?? []) {
      const before = other.node === message.node && other.seq > 0;
      if (before && other.seq <= seq) other.landed[node] = true;
    }
  }

  #at(n: number): Message | undefined {
    return this.#messages[n];
  }
}

const NOBODY: Set<Receiver> = new Set();

/** A node never hears its own events. */
function isSender(receiver: Receiver, { node, channel }: Message): boolean {
  return channel === events && receiver.node === node;
}
