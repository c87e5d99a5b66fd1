/**
 * One connection inside the node: its state, and what comes in.
 *
 * @module
 */
import type { PendingCall } from "../calls/pending_call.ts";
import {
  CloseCode,
  sendableCode,
  sendableReason,
} from "../../wire/close_codes.ts";
import { ConnectionHandle, type Known } from "./handle.ts";
import type { Surface } from "../../contract/define.ts";
import type { Core } from "../context.ts";
import { exceeds } from "../../wire/bytes.ts";
import { SocketError } from "../../wire/errors.ts";
import type { Channel, Member } from "../fanout/hub.ts";
import { Intake } from "./inbound.ts";
import { quote } from "../../contract/names.ts";
import { GONE, Questions, type TakeAnswer } from "./client_requests.ts";
import { Outbox, type OutboxOwner } from "./outbox.ts";
import { type Frame, helloFrame, PING, PONG } from "../../wire/protocol.ts";
import { keptOf } from "./snapshot.ts";
import type {
  Data,
  Socket,
  SocketEvents,
  SocketGroups,
} from "../../seams/socket.ts";
import type { Subscription } from "../calls/subscribe.ts";
import { observe } from "../stats/observe.ts";

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
export class Session implements Member, OutboxOwner, SocketEvents {
  readonly core: Core;
  readonly socket: Socket;
  readonly surface: Surface;
  readonly handle: ConnectionHandle;
  readonly outbox: Outbox;
  channels: Channel[] | undefined;
  /** Whether the application was told of it. */
  welcomed = false;
  /** What its client was asked; made with the first question. */
  questions: Questions | undefined;
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
  #apart = false;
  // Most connections idle, so what only a talking one needs is made when it talks (docs/decisions/0009).
  #calls: Map<number, PendingCall> | undefined;
  #signals: Set<PendingCall> | undefined;
  #subscriptions: Map<string, Subscription> | undefined;
  #intake: Intake | undefined;
  #settled: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #keeping = false;

  constructor(
    core: Core,
    socket: Socket,
    identity: Identity,
    known: Known = {
      id: `${core.nodeId}.${crypto.randomUUID()}`,
      connectedAt: Date.now(),
    },
  ) {
    this.core = core;
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
    this.outbox = new Outbox(this, core.turn, core.settings.backpressure);
    core.sessions.set(known.id, this);
    core.watch(this);
  }

  /** Requests and subscriptions without an answer, by id. */
  get calls(): Map<number, PendingCall> {
    return this.#calls ??= new Map();
  }

  /** Signals whose handler has not settled. */
  get signals(): Set<PendingCall> {
    return this.#signals ??= new Set();
  }

  /** Topics, authorized or being so, by name. */
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
    return this.#state === "ready" && !this.#apart;
  }

  buffered(): number {
    return this.socket.buffered() ?? 0;
  }

  setApart(): void {
    this.#apart = true;
  }

  stalled(): void {
    this.core.hub.ungroup(this);
  }

  wrote(frames: number): void {
    this.core.counters.framesOut += frames;
  }

  dropped(frames: number): void {
    this.core.counters.dropped += frames;
    this.missed += frames;
    if (!this.core.settings.observer) return;
    observe(this.core, "onDrop", (it) => it.onDrop?.(this.handle, frames));
  }

  /** Says hello: the client may send from now on, and gets what was sent to it meanwhile. */
  ready(): void {
    if (this.#state !== "opening") return;
    this.#state = "ready";
    const flaw = this.socket.keep?.(keptOf(this));
    if (flaw) {
      this.core.report(flaw, { source: "internal", name: "keep" });
      return this.end(CloseCode.internal, "the server failed");
    }
    const { settings, codec } = this.core;
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
      ...(this.expiresAt !== undefined && { expiresAt: this.expiresAt }),
    }));
    this.core.hub.regroup(this);
  }

  /** Goes on where it was before its node slept. */
  resume(): void {
    this.#state = "ready";
    this.welcome();
    this.outbox.open();
  }

  /** The application is told of it: from now on it counts. */
  welcome(): void {
    this.welcomed = true;
    this.core.changed(this);
  }

  /** What is kept of it has changed: it is kept anew, once for all that changes now. */
  changed(): void {
    if (this.welcomed) this.core.changed(this);
    if (!this.socket.keep || this.#state !== "ready" || this.#keeping) return;
    this.#keeping = true;
    queueMicrotask(() => {
      this.#keeping = false;
      if (this.over) return;
      const flaw = this.socket.keep?.(keptOf(this));
      if (flaw) this.core.report(flaw, { source: "internal", name: "keep" });
    });
  }

  /** Moves the end of the login. */
  renew(expiresAt: number | undefined): void {
    this.expiresAt = expiresAt;
    this.core.watch(this);
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
    this.outbox.push(this.core.encode(event, data));
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
      take(GONE);
      return () => {};
    }
    this.questions ??= new Questions();
    return this.questions.ask(this.outbox, frame, take);
  }

  /** Ends the connection for the application. */
  close(code: number = CloseCode.normal, reason = ""): void {
    this.end(code, reason);
  }

  // --- What the runtime tells -------------------------------------------------------------------------------------

  message(data: Data): void {
    if (this.#state === "over") return;
    this.seenAt = Date.now();
    if (data === PONG) return;
    const intake = this.#intake ??= new Intake(this);
    if (data === PING) return intake.ping();
    const { maxMessageBytes } = this.core.settings.limits;
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
    if (this.#apart && this.outbox.empty && this.buffered() === 0) {
      this.#apart = false;
      this.core.hub.regroup(this);
    }
  }

  closed(code: number): void {
    this.#leave(code);
  }

  /** Answers what is no frame, and closes on the tenth. */
  malformed(flaw: string): void {
    this.#intake?.malformed(flaw); // it was taken in
  }

  /** Ends the connection: what was sent before still leaves, and nothing after. */
  end(code: number, reason: string): void {
    if (this.over) return;
    if (this.#state === "ready") this.outbox.close();
    const sent = sendableCode(code);
    const { socket } = this;
    this.#leave(sent);
    socket.close(sent, sendableReason(reason));
  }

  /** Leaves everything, then tells the application. */
  #leave(code: number): void {
    if (this.over) return;
    this.#state = "over";
    this.outbox.discard();
    const { core } = this;
    const calls = [...this.#calls?.values() ?? [], ...this.#signals ?? []];
    if (calls.length > 0) {
      const gone = new SocketError("DISCONNECTED", "The client has gone");
      for (const call of calls) call.abandon(gone);
    }
    for (const subscription of this.#subscriptions?.values() ?? []) {
      subscription.end();
    }
    for (const channel of [...this.channels ?? []]) {
      core.hub.leave(channel, this);
    }
    this.#calls?.clear();
    this.#signals?.clear();
    this.#subscriptions?.clear();
    this.questions?.end();
    this.freed();
    this.socket.keep?.(undefined);
    core.sessions.delete(this.handle.id);
    core.ended(this, code);
  }
}
