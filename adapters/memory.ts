/**
 * The adapter of one process: the default, and with a shared {@linkcode MemoryBus} a cluster in one process.
 *
 * @example Two nodes in one process
 * ```ts
 * import { createInMemoryAdapter, MemoryBus } from "@super-line/edge/adapters/memory";
 *
 * const bus = new MemoryBus();
 * const first = createInMemoryAdapter(bus); // for one server
 * const second = createInMemoryAdapter(bus); // for another
 * ```
 *
 * @module
 */
import type { Adapter, AdapterHost } from "../src/seams/adapter.ts";
import { SocketError } from "../src/wire/errors.ts";
import { SmallSet } from "../src/shared/small_set.ts";
import type {
  Appended,
  AppendOptions,
  LogEntry,
  LogRead,
  LogStore,
} from "../src/seams/log.ts";
import type { PresenceStore } from "../src/seams/presence_store.ts";
import type { Position } from "../src/wire/position.ts";
import { BrokenLogs } from "./shared/broken_logs.ts";
import { unavailable } from "./shared/timing.ts";
import { MemoryLogs } from "./memory/log.ts";
import { memoryPresence, type Registry } from "./memory/presence.ts";

/** Receives the events of a {@linkcode MemoryBus}. No member throws. */
export interface BusListener {
  /** A message arrived on a subscribed channel. */
  message(channel: string, payload: string): void;
  /** Messages were appended to the log of a subscribed channel. */
  appended(channel: string, entries: readonly LogEntry[]): void;
  /** The logs were emptied. */
  lost(): void;
  /**
   * The bus went away or came back. Called at once if it is away at the start, and with `up` when a node that was alone
   * is no longer alone.
   */
  status(status: "up" | "down"): void;
}

/** An adapter's membership of a {@linkcode MemoryBus}. */
export interface BusConnection {
  /** Subscribes to a channel. Returns `false` while the bus is away, and after `close`. */
  subscribe(channel: string): boolean;
  /** Unsubscribes from a channel. */
  unsubscribe(channel: string): void;
  /**
   * Sends to all subscribers once this turn is over, in order. Returns `false` while the bus is away, and after
   * `close`.
   */
  publish(channel: string, payload: string): boolean;
  /**
   * Appends to the log of a channel; all subscribers get the message once this turn is over. Returns `undefined` while
   * the bus is away, and after `close`.
   *
   * @param broken Whether the log must begin a new epoch
   */
  append(
    channel: string,
    payload: string,
    options: AppendOptions,
    broken: boolean,
  ): (Appended & { readonly kept: true }) | undefined;
  /** Reads the log of a channel, see `LogStore.read`; `undefined` while the bus is away, and after `close`. */
  read(
    channel: string,
    after: Position | undefined,
    limit: number,
  ): LogRead | undefined;
  /** Leaves the bus. What was published before still arrives. */
  close(): void;
}

/**
 * A broker in memory: the nodes whose adapters share it form one cluster. They may leave in any order.
 *
 * @example An application that does without its broker for a while
 * ```ts
 * import { createInMemoryAdapter, MemoryBus } from "@super-line/edge/adapters/memory";
 *
 * const bus = new MemoryBus();
 * const adapter = createInMemoryAdapter(bus); // for a server
 * bus.fail();
 * bus.restore();
 * ```
 */
export class MemoryBus {
  readonly #nodes = new Set<BusListener>();
  readonly #channels = new Map<string, SmallSet<BusListener>>();
  readonly #registry: Registry = new Map();
  readonly #logs = new MemoryLogs();
  /** The appends of this turn. */
  readonly #pushes = new Map<string, LogEntry[]>();
  #up = true;

  /** The number of nodes. */
  get size(): number {
    return this.#nodes.size;
  }

  /** `true` unless the bus was taken away. */
  get up(): boolean {
    return this.#up;
  }

  /**
   * Takes the broker away, to test how an application copes: until {@linkcode restore} nothing is delivered and no
   * subscription succeeds. Messages in flight still arrive. A second call does nothing.
   */
  fail(): void {
    if (!this.#up) return;
    this.#up = false;
    for (const node of [...this.#nodes]) node.status("down");
  }

  /** Brings the broker back, with the subscriptions that existed. A second call does nothing. */
  restore(): void {
    if (this.#up) return;
    this.#up = true;
    for (const node of [...this.#nodes]) node.status("up");
    for (const node of [...this.#nodes]) node.lost();
  }

  /**
   * Empties the logs of kept topics, to test how an application copes when the broker has lost them. Subscribers that
   * miss messages are notified.
   */
  flush(): void {
    this.#logs.clear();
    for (const node of [...this.#nodes]) node.lost();
  }

  /** Joins the bus; called by adapters. */
  connect(node: BusListener): BusConnection {
    const mine = new Set<string>(); // so that leaving does not iterate over the channels of others
    this.#nodes.add(node);
    if (!this.#up) node.status("down");
    else if (this.#nodes.size === 2) {
      const [first] = this.#nodes;
      first?.status("up"); // it is no longer alone
    }
    return {
      subscribe: (channel) => {
        if (!this.#up || !this.#nodes.has(node)) return false;
        mine.add(channel);
        let nodes = this.#channels.get(channel);
        if (!nodes) this.#channels.set(channel, nodes = new SmallSet());
        nodes.add(node);
        return true;
      },
      unsubscribe: (channel) => {
        if (mine.delete(channel)) this.#leave(channel, node);
      },
      publish: (channel, payload) => {
        if (!this.#up || !this.#nodes.has(node)) return false;
        queueMicrotask(() => this.#carry(channel, payload));
        return true;
      },
      append: (channel, payload, options, broken) => {
        if (!this.#up || !this.#nodes.has(node)) return undefined;
        const appended = this.#logs.append(channel, payload, options, broken);
        if (!appended.repeated) {
          this.#push(channel, { position: appended.position, payload });
        }
        return appended;
      },
      read: (channel, after, limit) =>
        this.#up && this.#nodes.has(node)
          ? this.#logs.read(channel, after, limit)
          : undefined,
      close: () => {
        this.#nodes.delete(node);
        for (const channel of mine) this.#leave(channel, node);
        mine.clear();
      },
    };
  }

  /**
   * Returns the presence store; called by adapters.
   *
   * @param nodeId Returns the writing node's id; `undefined` while its adapter is not open
   */
  presence(nodeId: () => string | undefined): PresenceStore {
    return memoryPresence(this.#registry, nodeId, () => this.#up);
  }

  #leave(channel: string, node: BusListener): void {
    const nodes = this.#channels.get(channel);
    if (nodes?.delete(node) && nodes.size === 0) this.#channels.delete(channel);
  }

  #push(channel: string, entry: LogEntry): void {
    if (this.#pushes.size === 0) queueMicrotask(this.#carryPushes);
    const entries = this.#pushes.get(channel);
    if (entries) entries.push(entry);
    else this.#pushes.set(channel, [entry]);
  }

  readonly #carryPushes = (): void => {
    const pushes = [...this.#pushes];
    this.#pushes.clear();
    for (const [channel, entries] of pushes) {
      const nodes = this.#channels.get(channel);
      if (!nodes) continue;
      for (const node of [...nodes]) {
        if (nodes.has(node)) node.appended(channel, entries);
      }
    }
  };

  #carry(channel: string, payload: string): void {
    const nodes = this.#channels.get(channel);
    if (!nodes) return;
    for (const node of [...nodes]) {
      if (nodes.has(node)) node.message(channel, payload); // the previous member may have ended it
    }
  }
}

/**
 * Creates the adapter that needs no broker.
 *
 * It keeps each promise of `Adapter` synchronously: a subscription is live when `subscribe` returns, and a payload
 * arrives at the end of the turn that published it. A bus does not reach other isolates, such as workers.
 *
 * @param bus Shared by the nodes of one process; a new bus if left out
 * @returns The adapter, for one server
 *
 * @example Two servers, one cluster
 * ```ts
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { createInMemoryAdapter, MemoryBus } from "@super-line/edge/adapters/memory";
 *
 * const api = defineContract({ roles: { user: {} } });
 * const bus = new MemoryBus();
 * const authenticate = () => ({ role: "user" as const });
 * const first = createSocketServer(api, { authenticate, adapter: createInMemoryAdapter(bus) });
 * const second = createSocketServer(api, { authenticate, adapter: createInMemoryAdapter(bus) });
 * await Promise.all([first.close(), second.close()]);
 * ```
 */
export function createInMemoryAdapter(
  bus: MemoryBus = new MemoryBus(),
): Adapter {
  return new InMemoryAdapter(bus);
}

/**
 * How long an append waits for a bus that is down, in milliseconds. A bus in memory comes back soon, or is kept down on
 * purpose.
 */
const APPEND_WAIT_MS = 100;
/** How many characters of appends may wait. */
const MAX_WAITING_LENGTH = 33_554_432;

/** An append that waits for the bus. */
interface Waiting {
  readonly channel: string;
  readonly payload: string;
  readonly options: AppendOptions;
  readonly settle: (appended: Appended) => void;
  readonly until: number;
}

class InMemoryAdapter implements Adapter, BusListener {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly presence: PresenceStore;
  readonly log: LogStore = {
    append: (channel, payload, options) =>
      this.#append(channel, payload, options),
    read: (channel, after, limit) => {
      const read = this.#connection?.read(channel, after, limit);
      if (read) return Promise.resolve(read);
      return Promise.reject(
        unavailable(
          `Cannot read the log of ${JSON.stringify(channel)}: ${this.#state()}`,
        ),
      );
    },
  };
  readonly #broken = new BrokenLogs();
  #waiting: Waiting[] = [];
  #waitingLength = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #bus: MemoryBus;
  #host: AdapterHost | undefined;
  #connection: BusConnection | undefined;
  #closed: Promise<void> | undefined;

  constructor(bus: MemoryBus) {
    this.#bus = bus;
    this.presence = bus.presence(() =>
      this.#closed ? undefined : this.#host?.nodeId
    );
  }

  open(host: AdapterHost): void {
    if (this.#host) {
      throw new TypeError(
        "Cannot open the in-memory adapter: it is open already, must be given to one server",
      );
    }
    this.#host = host;
    this.#connection = this.#bus.connect(this);
  }

  alone(): boolean {
    return this.#bus.size <= 1;
  }

  subscribeNow(channel: string): boolean {
    return this.#connection?.subscribe(channel) ?? false;
  }

  subscribe(channel: string): Promise<void> {
    if (this.subscribeNow(channel)) return Promise.resolve();
    return Promise.reject(
      unavailable(
        `Cannot subscribe to ${JSON.stringify(channel)}: ${this.#state()}`,
      ),
    );
  }

  unsubscribe(channel: string): Promise<void> {
    this.#connection?.unsubscribe(channel);
    return Promise.resolve();
  }

  publish(channel: string, payload: string): void {
    if (!this.#connection?.publish(channel, payload)) {
      this.#host?.dropped(channel, 1);
    }
  }

  close(): Promise<void> {
    if (!this.#closed) {
      clearTimeout(this.#timer);
      this.#giveUp(Infinity);
      this.#connection?.close();
      this.#closed = Promise.resolve();
    }
    return this.#closed;
  }

  message(channel: string, payload: string): void {
    try {
      this.#host?.message(channel, payload);
    } catch (error) {
      this.#host?.error(error);
    }
  }

  appended(channel: string, entries: readonly LogEntry[]): void {
    try {
      this.#host?.appended(channel, entries);
    } catch (error) {
      this.#host?.error(error);
    }
  }

  lost(): void {
    this.#host?.lost();
  }

  #state(): string {
    if (this.#closed) return "the adapter is closed";
    return this.#host ? "the bus is down" : "the adapter is not open";
  }

  #append(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Promise<Appended> {
    const kept = this.#appendNow(channel, payload, options);
    if (kept) return Promise.resolve(kept);
    const fits = this.#waiting.length === 0 ||
      this.#waitingLength + payload.length <= MAX_WAITING_LENGTH;
    if (this.#closed || !this.#host || !fits) {
      const state = fits ? this.#state() : "too many appends wait for the bus";
      return Promise.resolve(this.#notKept(channel, state));
    }
    this.#waitingLength += payload.length;
    return new Promise((settle) => {
      const until = performance.now() + APPEND_WAIT_MS;
      this.#waiting.push({ channel, payload, options, settle, until });
      this.#timer ??= setTimeout(this.#tooLate, APPEND_WAIT_MS);
    });
  }

  #appendNow(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Appended | undefined {
    const broken = this.#broken.has(channel);
    const kept = this.#connection?.append(channel, payload, options, broken);
    if (kept) this.#broken.delete(channel);
    return kept;
  }

  #notKept(channel: string, state: string): Appended {
    this.#broken.add(channel);
    const cause = unavailable(
      `Cannot append to the log of ${JSON.stringify(channel)}: ${state}`,
    );
    return { kept: false, cause };
  }

  readonly #tooLate = (): void => {
    this.#timer = undefined;
    this.#giveUp(performance.now());
    const [first] = this.#waiting;
    if (!first) return;
    const left = first.until - performance.now();
    this.#timer = setTimeout(this.#tooLate, Math.max(1, left));
  };

  /** Gives up appends that have waited too long. */
  #giveUp(now: number): void {
    const left = this.#waiting.findIndex(({ until }) => until > now);
    const late = this.#waiting.splice(0, left < 0 ? Infinity : left);
    for (const { channel, payload, settle } of late) {
      this.#waitingLength -= payload.length;
      settle(this.#notKept(channel, this.#state()));
    }
  }

  #appendWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    for (const { channel, payload, options, settle } of waiting) {
      settle(
        this.#appendNow(channel, payload, options) ??
          this.#notKept(channel, this.#state()),
      );
    }
  }

  status(status: "up" | "down"): void {
    if (status === "up") {
      this.#host?.status("up");
      this.#appendWaiting();
    } else {
      const cause = new SocketError("UNAVAILABLE", "The memory bus is down");
      this.#host?.status("down", cause);
    }
  }
}
