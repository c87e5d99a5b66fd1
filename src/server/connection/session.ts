/**
 * One connection inside the node: its state, and what comes in.
 *
 * @module
 */
import {
  CloseCode,
  sendableCode,
  sendableReason,
} from "../../wire/close_codes.ts";
import { ConnectionHandle, type ConnectionIdentity } from "./handle.ts";
import type { Message, Surface } from "../../contract/define.ts";
import { type Data, exceeds } from "../../wire/bytes.ts";
import { SocketError } from "../../wire/errors.ts";
import { type Channel, type Hub, isIn, type Member } from "../fanout/hub.ts";
import type { FlushQueue } from "./flush_queue.ts";
import { Inbound } from "./inbound.ts";
import { quote } from "../../contract/names.ts";
import {
  CLIENT_GONE,
  ClientRequests,
  type TakeAnswer,
} from "./client_requests.ts";
import { type Backpressure, Outbox, type OutboxOwner } from "./outbox.ts";
import {
  type Codec,
  FEATURES,
  type Fields,
  type Frame,
  helloFrame,
  PING,
  PONG,
} from "../../wire/protocol.ts";
import type { ClosingSockets } from "./closing.ts";
import type {
  ConnectionSnapshot,
  Socket,
  SocketEvents,
  SocketGroups,
} from "../../seams/socket.ts";
import { observe, type StatsHost } from "../stats/observer.ts";
import type { Joined } from "../../wire/joined.ts";

/** What a connection needs of its server. */
export interface SessionHost extends StatsHost {
  readonly nodeId: string;
  readonly codec: Codec;
  readonly hub: Hub<Session>;
  readonly turn: FlushQueue;
  /** Those that are open or opening, by id. */
  readonly sessions: Map<string, Session>;
  readonly closings: ClosingSockets;
  readonly settings: StatsHost["settings"] & {
    readonly backpressure: Required<Backpressure>;
    readonly heartbeatMs: number;
    readonly limits: {
      readonly maxMessageBytes: number;
      readonly maxInFlight: number;
      readonly maxSubscriptions: number;
      readonly framesPerSecond: number;
      readonly frameBurst: number;
      readonly bytesPerSecond: number;
      readonly maxDepth: number;
      readonly maxMalformed: number;
    };
  };
  /** Validates a payload and makes its frame. Throws when the schema refuses it. */
  encode(message: Message, data: unknown): Frame;
  /**
   * Handles one frame of the client. Never throws.
   *
   * @returns What is wrong with the frame, if it is none of the protocol's
   */
  dispatch(session: Session, fields: Fields): string | undefined;
  /** Looks after a session's deadlines, which are new. */
  watch(session: Session): void;
  /** A session that the application was told of came, went, or is in other channels. */
  changed(session: Session): void;
  /** A session has left everything. */
  ended(session: Session, code: number): void;
}

/** A call that a session ends with itself. */
export interface OpenCall {
  /** Whether nobody waits for the answer any more. */
  readonly abandoned: boolean;
  /** Nobody waits any more. */
  abandon(reason: Error): void;
}

/** One topic that a connection asked for. */
export interface Subscription {
  /** The topic as it stands in frames. */
  readonly element: ConnectionSnapshot["topics"][number];
  /** What every `sub` of it is answered with. */
  readonly outcome: Promise<Joined>;
  /** The calls that wait for it. */
  readonly calls: Set<OpenCall>;
  /** Ends it, also while it is being authorized. */
  end(): void;
}

/** Who a session is for, as `authenticate` said. */
export interface Identity {
  /** The role's name and what it sees. */
  readonly role: string;
  readonly surface: Surface;
  readonly ctx: unknown;
  /** As the role's schema gave it back. */
  readonly data: unknown;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/** One connection. */
export class Session implements Member<Session>, OutboxOwner, SocketEvents {
  readonly host: SessionHost;
  readonly socket: Socket;
  readonly surface: Surface;
  readonly handle: ConnectionHandle;
  readonly outbox: Outbox;
  channels: Channel<Session>[] | undefined;
  /** Whether the application was told of it. */
  welcomed = false;
  /** What its client was asked; made with the first question. */
  requests: ClientRequests | undefined;
  /** Whose it is, as `identify` said. */
  userId: string | undefined;
  /** How many of `channels` are rooms. */
  rooms = 0;
  /** How many events and topic messages it was not sent, since its reader is slow. */
  missed = 0;
  /** When the login ends, in milliseconds since the epoch. */
  expiresAt: number | undefined;
  /** When the peer last gave a sign of life. */
  seenAt: number = Date.now();
  #state: "opening" | "ready" | "over" = "opening";
  #ungrouped = false;
  // Most connections idle, so what only a talking one needs is made when it talks (docs/decisions/0009).
  #calls: Map<number, OpenCall> | undefined;
  #signals: Set<OpenCall> | undefined;
  #subscriptions: Map<string, Subscription> | undefined;
  #inbound: Inbound | undefined;
  #settled: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #keeping = false;

  constructor(
    host: SessionHost,
    socket: Socket,
    identity: Identity,
    known: ConnectionIdentity = {
      id: `${host.nodeId}.${crypto.randomUUID()}`,
      connectedAt: Date.now(),
    },
  ) {
    this.host = host;
    this.socket = socket;
    this.surface = identity.surface;
    this.expiresAt = identity.expiresAt;
    this.handle = new ConnectionHandle(
      this,
      known,
      identity.role,
      identity.ctx,
      identity.data,
    );
    this.outbox = new Outbox(this, host.turn, host.settings.backpressure);
    host.sessions.set(known.id, this);
    host.watch(this);
  }

  /** Requests and subscriptions without an answer, by id. */
  get calls(): Map<number, OpenCall> {
    return this.#calls ??= new Map();
  }

  /** Signals whose handler has not settled. */
  get signals(): Set<OpenCall> {
    return this.#signals ??= new Set();
  }

  /** Topics, authorized or being so, by channel. */
  get subscriptions(): Map<string, Subscription> {
    return this.#subscriptions ??= new Map();
  }

  /** How many there are of each. */
  get sizes(): { calls: number; signals: number; subscriptions: number } {
    return {
      calls: this.#calls?.size ?? 0,
      signals: this.#signals?.size ?? 0,
      subscriptions: this.#subscriptions?.size ?? 0,
    };
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#state === "over";
  }

  get groups(): SocketGroups | undefined {
    return this.socket.groups;
  }

  get groupable(): boolean {
    return this.#state === "ready" && !this.#ungrouped;
  }

  buffered(): number {
    return this.socket.buffered() ?? 0;
  }

  setApart(): void {
    this.#ungrouped = true;
  }

  stalled(): void {
    this.host.hub.ungroup(this);
  }

  wrote(frames: number): void {
    this.host.counters.framesOut += frames;
  }

  dropped(frames: number): void {
    this.host.counters.dropped += frames;
    this.missed += frames;
    if (!this.host.settings.observer) return;
    observe(this.host, "onDrop", (it) => it.onDrop?.(this.handle, frames));
  }

  /** Says hello: the client may send from now on, and gets what was sent to it meanwhile. */
  ready(): void {
    if (this.#state !== "opening") return;
    this.#state = "ready";
    const flaw = this.socket.keep?.(this.snapshot());
    if (flaw) {
      this.host.report(flaw, { source: "internal", name: "keep" });
      return this.end(CloseCode.internal, "the server failed");
    }
    const { settings, codec } = this.host;
    const { maxMessageBytes, maxInFlight, maxSubscriptions } = settings.limits;
    this.outbox.open(helloFrame({
      v: 1,
      id: this.handle.id,
      role: this.handle.role,
      serializer: codec.name,
      heartbeatMs: settings.heartbeatMs,
      maxMessageBytes,
      maxInFlight,
      maxSubscriptions,
      features: FEATURES,
      ...(this.expiresAt !== undefined && { expiresAt: this.expiresAt }),
    }));
    this.host.hub.regroup(this);
  }

  /** Goes on where it was before its node slept. */
  resume(): void {
    this.#state = "ready";
    this.welcome();
    this.outbox.open();
  }

  /** What the connection is made again from after its node slept. */
  snapshot(): ConnectionSnapshot {
    const { handle, expiresAt, host: { hub } } = this;
    const { id, role, ctx, data, connectedAt, rooms } = handle;
    // One that is being authorized is none yet.
    const topics = [...this.subscriptions].flatMap(([name, { element }]) => {
      const channel = hub.channel(name);
      return channel && isIn(channel, this) ? [element] : [];
    });
    return { id, role, ctx, data, connectedAt, expiresAt, rooms, topics };
  }

  /** The application is told of it: from now on it counts. */
  welcome(): void {
    this.welcomed = true;
    this.host.changed(this);
  }

  /** What is kept of it has changed: it is kept anew, once for all that changes now. */
  changed(): void {
    if (this.welcomed) this.host.changed(this);
    if (!this.socket.keep || this.#state !== "ready" || this.#keeping) return;
    this.#keeping = true;
    queueMicrotask(() => {
      this.#keeping = false;
      if (this.over) return;
      const flaw = this.socket.keep?.(this.snapshot());
      if (flaw) this.host.report(flaw, { source: "internal", name: "keep" });
    });
  }

  /** Moves the end of the login. */
  renew(expiresAt: number | undefined): void {
    this.expiresAt = expiresAt;
    this.host.watch(this);
    this.changed();
  }

  settled(): Promise<void> | undefined {
    const { calls, signals } = this.sizes;
    if (calls + signals === 0) return undefined;
    if (!this.#settled) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => resolve = done);
      this.#settled = { promise, resolve };
    }
    return this.#settled.promise;
  }

  /** A call was freed. */
  freed(): void {
    if (!this.#settled || this.settled()) return;
    this.#settled.resolve();
    this.#settled = undefined;
  }

  /** Validates and sends an event to this connection. */
  emit(name: string, data: unknown): void {
    const event = this.surface.events.get(name);
    if (!event) {
      throw new TypeError(
        `Cannot emit ${quote(name)}: role ${
          quote(this.handle.role)
        } has no such event, must be one of its serverToClient entries`,
      );
    }
    this.outbox.push(this.host.encode(event, data));
  }

  /**
   * Asks the client.
   *
   * @param frame The question, made with id 0
   * @param take Called once with the answer, or with what stands for one when the client goes
   * @returns What cancels it
   */
  ask(frame: Frame, take: TakeAnswer): () => void {
    if (this.over) {
      take(CLIENT_GONE);
      return () => {};
    }
    this.requests ??= new ClientRequests();
    return this.requests.ask(this.outbox, frame, take);
  }

  /** Ends the connection for the application. */
  close(code: number = CloseCode.normal, reason = ""): void {
    this.end(code, reason);
  }

  // --- What the runtime tells -------------------------------------------------------------------------------------

  message(data: Data): void {
    if (this.#state === "over") return;
    this.seenAt = Date.now();
    const intake = this.#inbound ??= new Inbound(this);
    if (data === PING || data === PONG) return intake.heartbeat(data);
    const { maxMessageBytes } = this.host.settings.limits;
    if (exceeds(data, maxMessageBytes)) {
      return this.end(
        CloseCode.tooBig,
        `a message is larger than maxMessageBytes ${maxMessageBytes}`,
      );
    }
    if (this.#state === "opening") {
      return this.end(
        CloseCode.badProtocol,
        "a frame came before hi, must wait for it",
      );
    }
    intake.message(data);
  }

  alive(): void {
    this.seenAt = Date.now();
  }

  drained(): void {
    if (this.#state !== "ready") return; // before hi the outbox is held for another reason
    this.outbox.drained();
    if (this.#ungrouped && this.outbox.empty && this.buffered() === 0) {
      this.#ungrouped = false;
      this.host.hub.regroup(this);
    }
  }

  closed(code: number): void {
    this.host.closings.delete(this.socket);
    this.#leave(code);
  }

  /** Ends the connection: what was sent before still leaves, and nothing after. */
  end(code: number, reason: string): void {
    if (this.over) return;
    if (this.#state === "ready") this.outbox.close();
    const sent = sendableCode(code);
    this.#leave(sent);
    this.host.closings.close(this.socket, sent, sendableReason(reason));
  }

  /** Leaves everything, then tells the application. */
  #leave(code: number): void {
    if (this.over) return;
    this.#state = "over";
    this.outbox.discard();
    const { host } = this;
    const calls = [...this.#calls?.values() ?? [], ...this.#signals ?? []];
    if (calls.length > 0) {
      const gone = new SocketError("DISCONNECTED", "The client has gone");
      for (const call of calls) call.abandon(gone);
    }
    for (const subscription of this.#subscriptions?.values() ?? []) {
      subscription.end();
    }
    for (const channel of [...this.channels ?? []]) {
      host.hub.leave(channel, this);
    }
    this.#calls?.clear();
    this.#signals?.clear();
    this.#subscriptions?.clear();
    this.requests?.end();
    this.freed();
    this.socket.keep?.(undefined);
    host.sessions.delete(this.handle.id);
    host.ended(this, code);
  }
}
