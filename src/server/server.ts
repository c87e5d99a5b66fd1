/**
 * The life of a node: sessions open, are watched, and end. No runtime is named here.
 *
 * @module
 */
import type { Adapter } from "../seams/adapter.ts";
import { schemaError, validateSync } from "../contract/schema.ts";
import { ClosingSockets } from "./connection/closing.ts";
import { Deadlines } from "./fanout/deadlines.ts";
import { CloseCode } from "../wire/close_codes.ts";
import { answerQueries } from "./presence/query.ts";
import type { Call, Contract, Message } from "../contract/define.ts";
import type { Settings } from "./options.ts";
import { countClose, type Counters, createCounters } from "./stats/counters.ts";
import { dispatch } from "./calls/dispatch.ts";
import type { CallsHost } from "./calls/pending_call.ts";
import type { NodeHost } from "./api/host.ts";
import { isForCaller, SocketError } from "../wire/errors.ts";
import { Hub } from "./fanout/hub.ts";
import type { Handler } from "./types/handlers.ts";
import { TokenBucket } from "../shared/token_bucket.ts";
import {
  OPEN_TIMEOUT_MS,
  type PendingLogin,
} from "./handshake/pending_login.ts";
import { Watches } from "./presence/watch.ts";
import { isPromiseLike } from "../shared/thenable.ts";
import {
  type Codec,
  createCodec,
  type Fields,
  type Frame,
  plainFrame,
} from "../wire/protocol.ts";
import { Reach } from "./cluster/reach.ts";
import { refusalCode } from "./handshake/refusal.ts";
import { openRegistry, type Registry } from "./presence/registry.ts";
import { type ErrorInfo, observe } from "./stats/observer.ts";
import type { ServerEvent } from "./cluster/server_events.ts";
import {
  type Identity,
  Session,
  type SessionHost,
} from "./connection/session.ts";
import { MAX_TIMER_MS } from "../shared/timers.ts";
import type { Socket, SocketEvents } from "../seams/socket.ts";
import { CallStatsTable } from "./stats/call_stats.ts";
import { type SleepHost, Sweep, type SweepHost } from "./sweep.ts";
import type { LogStore } from "../seams/log.ts";
import { KeptTopics } from "./topics/kept_topics.ts";
import { FlushQueue } from "./connection/flush_queue.ts";

/** How long `close` waits for peers to answer the close frame before it cuts them, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

/** The state of one node. */
export class Server implements NodeHost, SessionHost, CallsHost, SweepHost {
  readonly nodeId: string;
  readonly contract: Contract;
  readonly codec: Codec;
  readonly settings: Settings;
  readonly hub: Hub<Session>;
  readonly kept: KeptTopics<Session>;
  readonly log: LogStore | undefined;
  readonly reach: Reach;
  readonly registry: Registry | undefined;
  readonly watches: Watches;
  readonly turn: FlushQueue = new FlushQueue();
  readonly counters: Counters = createCounters();
  readonly callStats: CallStatsTable = new CallStatsTable();
  readonly serverEvents: Map<string, ServerEvent> = new Map();
  readonly admissions: TokenBucket;
  readonly pending: Set<PendingLogin> = new Set();
  readonly opening: Deadlines<PendingLogin>;
  readonly closings: ClosingSockets;
  readonly sessions: Map<string, Session> = new Map();
  handlers: ReadonlyMap<Call, Handler> = new Map();
  /** Whether `implement` was called. */
  hasHandlers = false;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;
  readonly #sweep: Sweep;
  #warnedAt = 0;

  constructor(
    contract: Contract,
    settings: Settings,
    adapter: Adapter,
    host?: SleepHost,
  ) {
    this.contract = contract;
    this.settings = settings;
    this.codec = createCodec(contract.serializer);
    const { handshakesPerSecond } = settings.limits;
    this.admissions = new TokenBucket(
      handshakesPerSecond,
      Math.max(1, handshakesPerSecond),
      0,
      Date.now(),
    );
    this.opening = new Deadlines(
      Math.min(OPEN_TIMEOUT_MS, settings.authTimeoutMs),
      (login) => login.late(),
    );
    this.closings = new ClosingSockets(
      settings.limits.maxClosing,
      settings.closeTimeoutMs,
    );
    this.nodeId = host?.nodeId ?? crypto.randomUUID();
    this.registry = openRegistry(this, adapter);
    this.reach = new Reach(this, adapter);
    this.watches = new Watches(this);
    this.#sweep = new Sweep(this, host);
    this.hub = new Hub({
      adapter,
      nodeId: this.nodeId,
      turn: this.turn,
      subscribeTimeoutMs: settings.subscribeTimeoutMs,
      wrote: (frames) => void (this.counters.framesOut += frames),
      report: (error) => this.report(error, { source: "adapter" }),
      up: () => {
        this.reach.look();
        this.watches.look();
        this.registry?.up();
      },
      ordered: (channel, order) => this.reach.ordered(channel, order),
      appended: (channel, entries) => this.kept.appended(channel, entries),
      lost: (channels) => this.kept.lost(channels),
    });
    this.log = adapter.log;
    this.kept = new KeptTopics(this);
    answerQueries(this);
    this.reach.open();
  }

  get closing(): boolean {
    return this.#closed !== undefined;
  }

  enter(socket: Socket, identity: Identity, login: PendingLogin): SocketEvents {
    login.opened();
    const session = new Session(this, socket, identity);
    this.counters.accepted++;
    if (this.closing || login.over) {
      login.release();
      session.end(
        this.closing ? CloseCode.restart : CloseCode.overload,
        "the server is closing, or was too busy",
      );
      return session;
    }
    const unidentified = this.hook(
      "identify",
      "hook",
      () => this.reach.opened(session),
    );
    if (unidentified) {
      login.release();
      session.end(CloseCode.internal, "the server failed");
      return session;
    }
    session.welcome();
    const { onConnection, observer } = this.settings;
    if (observer) {
      observe(this, "onConnection", (it) => it.onConnection?.(session.handle));
    }
    const welcome = this.hook(
      "onConnection",
      "hook",
      () => onConnection?.(session.handle as never, identity.ctx as never),
    );
    if (!(welcome instanceof Promise)) {
      login.release();
      this.#begin(session, welcome);
    } else {
      login.resume();
      Promise.resolve(login.wait(welcome)).then(
        (failure) => this.#begin(session, failure),
        () =>
          session.end(
            CloseCode.overload,
            "onConnection took longer than authTimeoutMs",
          ),
      ).finally(login.release);
    }
    return session;
  }

  dispatch(session: Session, fields: Fields): string | undefined {
    return dispatch(this, session, fields);
  }

  implement(handlers: ReadonlyMap<Call, Handler>): void {
    this.handlers = handlers;
    this.hasHandlers = true;
  }

  /** Whether every request and signal has its handler: of a contract without any, from the start. */
  get implemented(): boolean {
    return this.hasHandlers ||
      [...this.contract.roles.values()].every(({ calls }) => calls.size === 0);
  }

  /** Validates a payload and makes its frame. */
  encode(message: Message, data: unknown): Frame {
    if (!this.settings.validateOutput) {
      return this.codec.frame(message.fields, data);
    }
    const entry = `${message.block}.${message.name}`;
    const checked = validateSync(message.payload, data, entry);
    if (checked.ok) return this.codec.frame(message.fields, checked.value);
    throw schemaError("send", entry, "the data", checked.issues);
  }

  readonly reportLog = (error: unknown): void =>
    this.report(error, { source: "adapter" });

  report(error: unknown, info: ErrorInfo): void {
    this.counters.errors++;
    const { onError } = this.settings;
    if (!onError) {
      const where = info.name ?? info.source;
      return console.error(`super-line: error in ${where}:`, error);
    }
    const failed = (second: unknown) =>
      console.error(
        "super-line: onError threw:",
        second,
        "while it handled:",
        error,
      );
    try {
      const result: unknown = onError(error, info); // typed void, async all the same for some
      if (result instanceof Promise) result.catch(failed);
    } catch (second) {
      failed(second);
    }
  }

  warn(message: string): void {
    const now = Date.now();
    if (now - this.#warnedAt < 1_000) return;
    this.#warnedAt = now;
    console.warn(`super-line: ${message}`);
  }

  /**
   * Runs a function of the application's.
   *
   * @returns What it failed with, wrapped; `undefined` when it did not. It is reported already.
   */
  hook(
    name: string,
    source: ErrorInfo["source"],
    run: () => unknown,
  ): undefined | Failure | Promise<undefined | Failure> {
    try {
      const result = run();
      return isPromiseLike(result)
        ? Promise.resolve(result).then(
          () => undefined,
          (error) => this.#failed(error, source, name),
        )
        : undefined;
    } catch (error) {
      return this.#failed(error, source, name);
    }
  }

  #failed(
    error: unknown,
    source: ErrorInfo["source"],
    name: string,
  ): Failure {
    if (name !== "onConnection" || !isForCaller(error)) {
      this.report(error, { source, name });
    }
    return { error };
  }

  watch(session: Session): void {
    this.#sweep.watch(session);
  }

  /** For a node with a sleep host: the time that it asked for has come. */
  sweep(): void {
    this.#sweep.wake();
  }

  changed(session: Session): void {
    this.registry?.changed(session);
    this.watches.changed(session);
  }

  ended(session: Session, code: number): void {
    this.reach.ended(session);
    if (session.welcomed) this.changed(session);
    const { onDisconnect, observer } = this.settings;
    countClose(this.counters, code);
    if (observer && session.welcomed) {
      observe(
        this,
        "onDisconnect",
        (it) => it.onDisconnect?.(session.handle, code),
      );
    }
    if (session.welcomed && onDisconnect) {
      const { handle } = session;
      void this.hook(
        "onDisconnect",
        "hook",
        () => onDisconnect(handle as never, handle.ctx as never, code),
      );
    }
    if (this.sessions.size > 0) return;
    this.#sweep.stop();
    this.#onEmpty?.();
  }

  close(drainMs: number): Promise<void> {
    return this.#closed ??= this.#close(drainMs);
  }

  async #close(drainMs: number): Promise<void> {
    if (drainMs > 0 && this.sessions.size > 0) await this.#drain(drainMs);
    for (const login of [...this.pending, ...this.opening.keys()]) {
      login.end(new DOMException("The server is closing", "AbortError"));
    }
    const gone = new SocketError("UNAVAILABLE", "The server is closing");
    for (const session of this.sessions.values()) {
      for (const call of [...session.calls.values()]) call.interrupt?.(gone);
      session.end(CloseCode.restart, "the server is closing");
    }
    const ended = this.closings.end(CLOSE_GRACE_MS);
    this.watches.close();
    this.reach.close();
    await this.registry?.close();
    await this.hub.close();
    this.kept.close();
    await ended;
  }

  /** Tells the clients to go, and waits until they have or the time is over. */
  async #drain(drainMs: number): Promise<void> {
    const away = plainFrame("away", { withinMs: drainMs });
    for (const session of this.sessions.values()) session.outbox.reply(away);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = setTimeout(resolve, Math.min(drainMs, MAX_TIMER_MS));
    });
    clearTimeout(timer);
  }

  #begin(session: Session, failure: Failure | undefined): void {
    if (!failure) return session.ready();
    const { error } = failure;
    if (!isForCaller(error)) {
      return session.end(CloseCode.internal, "the server failed");
    }
    session.end(refusalCode(error), error.message);
  }
}

/** What a function of the application's threw. */
export interface Failure {
  readonly error: unknown;
}
