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
import { Members } from "../src/shared/small_set.ts";
import type { PresenceStore } from "../src/seams/presence_store.ts";
import { memoryPresence, type Registry } from "./memory/presence.ts";

/** What a {@linkcode MemoryBus} tells an adapter. No member throws. */
export interface BusListener {
  /** A payload came on a channel that was subscribed. */
  message(channel: string, payload: string): void;
  /** The bus went away or came back; told at once when it is away at the start, and `up` to one that was alone on it. */
  status(status: "up" | "down"): void;
}

/** What an adapter holds of a {@linkcode MemoryBus}. */
export interface BusConnection {
  /** Hears a channel from now on; `false` while the bus is away, and after `close`. */
  subscribe(channel: string): boolean;
  /** Hears a channel no more. */
  unsubscribe(channel: string): void;
  /** Sends to all that are subscribed once this turn is over, in order; `false` while the bus is away, and after `close`. */
  publish(channel: string, payload: string): boolean;
  /** Leaves. What was published before still arrives. */
  close(): void;
}

/**
 * A broker in memory: the nodes whose adapters share it are one cluster. They may leave in any order.
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
  readonly #channels = new Map<string, Members<BusListener>>();
  readonly #registry: Registry = new Map();
  #up = true;

  /** How many nodes are on it. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Whether it carries anything. */
  get up(): boolean {
    return this.#up;
  }

  /**
   * Takes the broker away, to see how an application fares: until {@linkcode restore} nothing is carried and nothing
   * new subscribed. What is under way still arrives. A second call does nothing.
   */
  fail(): void {
    if (!this.#up) return;
    this.#up = false;
    for (const node of [...this.#nodes]) node.status("down");
  }

  /** Brings the broker back, with the subscriptions there were. A second call does nothing. */
  restore(): void {
    if (this.#up) return;
    this.#up = true;
    for (const node of [...this.#nodes]) node.status("up");
  }

  /** For adapters: joins. */
  connect(node: BusListener): BusConnection {
    const mine = new Set<string>(); // so that leaving does not look at the channels of the others
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
        if (!nodes) this.#channels.set(channel, nodes = new Members());
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
      close: () => {
        this.#nodes.delete(node);
        for (const channel of mine) this.#leave(channel, node);
        mine.clear();
      },
    };
  }

  /**
   * For adapters: the registry of who is connected.
   *
   * @param nodeId The node that writes; `undefined` before it has an adapter that is open, and afterwards
   */
  presence(nodeId: () => string | undefined): PresenceStore {
    return memoryPresence(this.#registry, nodeId, () => this.#up);
  }

  #leave(channel: string, node: BusListener): void {
    const nodes = this.#channels.get(channel);
    if (nodes?.delete(node) && nodes.size === 0) this.#channels.delete(channel);
  }

  #carry(channel: string, payload: string): void {
    const nodes = this.#channels.get(channel);
    if (!nodes) return;
    for (const node of [...nodes]) {
      if (nodes.has(node)) node.message(channel, payload); // the one before may have ended it
    }
  }
}

/**
 * Creates the adapter that needs no broker.
 *
 * It keeps each promise of `Adapter`, at once: a subscription is live when `subscribe` returns, and a payload arrives
 * at the end of the turn that published it. Each isolate of a process is on its own: a bus does not reach into workers.
 *
 * @param bus Shared by the nodes of one process; a bus of its own when left out
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

class InMemoryAdapter implements Adapter, BusListener {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly presence: PresenceStore;
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
    const state = this.#closed
      ? "the adapter is closed"
      : this.#host
      ? "the bus is down"
      : "the adapter is not open";
    return Promise.reject(
      new SocketError(
        "UNAVAILABLE",
        `Cannot subscribe to ${JSON.stringify(channel)}: ${state}`,
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

  status(status: "up" | "down"): void {
    if (status === "up") this.#host?.status("up");
    else {
      const cause = new SocketError("UNAVAILABLE", "The memory bus is down");
      this.#host?.status("down", cause);
    }
  }
}
