/**
 * One connection inside the node: its state, and the events of its socket.
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
  /** The open and opening connections, by id. */
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
  /** Validates a payload and builds its frame. Throws if the schema refuses the payload. */
  encode(message: Message, data: unknown): Frame;
  /**
   * Handles one frame of the client. Never throws.
   *
   * @returns The flaw of a frame that the protocol does not have
   */
  dispatch(session: Session, fields: Fields): string | undefined;
  /** Watches the deadlines of a connection, which are new or have changed. */
  watch(session: Session): void;
  /** A connection that the application knows came, went, or is in other channels. */
  changed(session: Session): void;
  /** A connection has left everything. */
  ended(session: Session, code: number): void;
}

/** A call that ends when its connection does. */
export interface OpenCall {
  /** Whether the caller no longer waits for the answer. */
  readonly abandoned: boolean;
  /** Marks the call as abandoned. */
  abandon(reason: Error): void;
  /** Gives credit to a streamed answer; absent for other calls. Returns what is wrong with it, if something is. */
  more?(items: unknown): string | undefined;
  /** Ends a streamed answer with an error, since its server goes; absent for other calls. */
  interrupt?(error: SocketError): void;
}

/** One subscription of a connection. */
export interface Subscription {
  /** The topic as it is written in frames. */
  readonly element: ConnectionSnapshot["topics"][number];
  /** The answer to every `sub` of the topic. */
  readonly outcome: Promise<Joined>;
  /** The calls that wait for the outcome. */
  readonly calls: Set<OpenCall>;
  /** Ends the subscription, also while it is being authorized. */
  end(): void;
}

/** Who the client is, as `authenticate` returned it. */
export interface Identity {
  /** The role's name and entries. */
  readonly role: string;
  readonly surface: Surface;
  readonly ctx: unknown;
  /** Validated by the role's schema. */
  readonly data: unknown;
  /** In milliseconds since the epoch. */
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
  /** Whether the application knows the connection. */
  welcomed = false;
  /** The unanswered requests to the client; created with the first one. */
  requests: ClientRequests | undefined;
  /** The user id that `identify` returned. */
  userId: string | undefined;
  /** How many of `channels` are rooms. */
  rooms = 0;
  /** How many events and topic messages were dropped because the reader is slow. */
  missed = 0;
  /** When the login expires, in milliseconds since the epoch. */
  expiresAt: number | undefined;
  /** When the client last sent anything. */
  seenAt: number = Date.now();
  #state: "opening" | "ready" | "over" = "opening";
  #ungrouped = false;
  // Most connections are idle, so what only an active one needs is created when it is needed (docs/decisions/0009).
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

  /** Unanswered requests and subscriptions, by id. */
  get calls(): Map<number, OpenCall> {
    return this.#calls ??= new Map();
  }

  /** Signals whose handler has not settled. */
  get signals(): Set<OpenCall> {
    return this.#signals ??= new Set();
  }

  /** Topics that are subscribed or being authorized, by channel. */
  get subscriptions(): Map<string, Subscription> {
    return this.#subscriptions ??= new Map();
  }

  /** The sizes of these collections. */
  get sizes(): { calls: number; signals: number; subscriptions: number } {
    return {
      calls: this.#calls?.size ?? 0,
      signals: this.#signals?.size ?? 0,
      subscriptions: this.#subscriptions?.size ?? 0,
    };
  }

  /** Whether the connection has ended. */
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

  /** Sends `hi`: the client may send from now on, and gets what was sent to it before. */
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

  /** Continues after the node was out of memory. */
  resume(): void {
    this.#state = "ready";
    this.welcome();
    this.outbox.open();
  }

  /** Returns the snapshot that the connection is restored from after its node was out of memory. */
  snapshot(): ConnectionSnapshot {
    const { handle, expiresAt, host: { hub } } = this;
    const { id, role, ctx, data, connectedAt, rooms } = handle;
    // without topics that are still being authorized
    const topics = [...this.subscriptions].flatMap(([name, { element }]) => {
      const channel = hub.channel(name);
      return channel && isIn(channel, this) ? [element] : [];
    });
    return { id, role, ctx, data, connectedAt, expiresAt, rooms, topics };
  }

  /** Makes the connection known to the application. */
  welcome(): void {
    this.welcomed = true;
    this.host.changed(this);
  }

  /** The snapshot has changed: it is saved once for all changes of this turn. */
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

  /** Changes when the login expires. */
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

  /** A call has ended. */
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
   * Sends a request to the client.
   *
   * @param frame The request, built with id 0
   * @param take Called once with the answer, or with one in its place when the client disconnects
   * @returns Cancels the request
   */
  ask(frame: Frame, take: TakeAnswer): () => void {
    if (this.over) {
      take(CLIENT_GONE);
      return () => {};
    }
    this.requests ??= new ClientRequests();
    return this.requests.ask(this.outbox, frame, take);
  }

  /** Closes the connection for the application. */
  close(code: number = CloseCode.normal, reason = ""): void {
    this.end(code, reason);
  }

  // --- Events of the socket ---------------------------------------------------------------------------------------

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
    if (this.#state !== "ready") return; // before `hi` the outbox is held for another reason
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

  /** Closes the connection. Frames sent before are still delivered, frames after it are not. */
  end(code: number, reason: string): void {
    if (this.over) return;
    if (this.#state === "ready") this.outbox.close();
    const sent = sendableCode(code);
    this.#leave(sent);
    this.host.closings.close(this.socket, sent, sendableReason(reason));
  }

  /** Leaves all rooms and topics, then notifies the application. */
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
