/**
 * The adapter of one process: the default, and with a shared {@linkcode MemoryBus} a cluster in one process.
 *
 * @module
 */
import type { Adapter, AdapterHost } from "../src/adapter.ts";
import { SocketError } from "../src/errors.ts";

/** What a bus needs of an adapter on it. */
interface Subscriber {
  receive(channel: string, payload: string): void;
  turnTo(status: "up" | "down"): void;
}

/**
 * A broker in memory: the nodes whose adapters share it are one cluster.
 *
 * @example Two nodes in one process
 * ```ts
 * import { createInMemoryAdapter, MemoryBus } from "@super-line/edge";
 *
 * const bus = new MemoryBus();
 * const first = createInMemoryAdapter(bus);
 * const second = createInMemoryAdapter(bus);
 * ```
 */
export class MemoryBus {
  readonly #nodes = new Set<Subscriber>();
  readonly #channels = new Map<string, Set<Subscriber>>();
  #up = true;

  /** How many nodes are on it. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Whether it carries anything. */
  get up(): boolean {
    return this.#up;
  }

  /** Takes the broker away, to see how an application fares: nothing is carried until {@linkcode restore}. */
  fail(): void {
    if (!this.#up) return;
    this.#up = false;
    for (const node of this.#nodes) node.turnTo("down");
  }

  /** Brings the broker back, with its subscriptions. */
  restore(): void {
    if (this.#up) return;
    this.#up = true;
    for (const node of this.#nodes) node.turnTo("up");
  }

  /** For adapters: joins. */
  attach(node: Subscriber): void {
    this.#nodes.add(node);
    if (!this.#up) node.turnTo("down");
  }

  /** For adapters: leaves, with all subscriptions. */
  detach(node: Subscriber): void {
    this.#nodes.delete(node);
    for (const channel of [...this.#channels.keys()]) {
      this.unsubscribe(channel, node);
    }
  }

  /** For adapters: receives a channel from now on. */
  subscribe(channel: string, node: Subscriber): void {
    const nodes = this.#channels.get(channel);
    if (nodes) nodes.add(node);
    else this.#channels.set(channel, new Set([node]));
  }

  /** For adapters: receives a channel no more. */
  unsubscribe(channel: string, node: Subscriber): void {
    const nodes = this.#channels.get(channel);
    if (nodes?.delete(node) && nodes.size === 0) this.#channels.delete(channel);
  }

  /** For adapters: carries a payload to whoever is subscribed when it arrives, after this turn. */
  publish(channel: string, payload: string): boolean {
    if (!this.#up) return false;
    queueMicrotask(() => {
      for (const node of [...this.#channels.get(channel) ?? []]) {
        node.receive(channel, payload);
      }
    });
    return true;
  }
}

/**
 * Creates the adapter that needs no broker.
 *
 * @param bus Shared by the nodes of one process; a bus of its own when left out
 * @returns The adapter, for one server
 */
export function createInMemoryAdapter(
  bus: MemoryBus = new MemoryBus(),
): Adapter {
  return new InMemoryAdapter(bus);
}

class InMemoryAdapter implements Adapter, Subscriber {
  readonly limits = { maxPayloadBytes: 1_048_576 + 8_192 } as const;
  readonly #bus: MemoryBus;
  readonly #channels = new Set<string>();
  #host: AdapterHost | undefined;
  #closed: Promise<void> | undefined;

  constructor(bus: MemoryBus) {
    this.#bus = bus;
  }

  open(host: AdapterHost): void {
    if (this.#host) {
      throw new TypeError(
        "Cannot open the in-memory adapter: it is open already, must be given to one server",
      );
    }
    this.#host = host;
    this.#bus.attach(this);
  }

  alone(): boolean {
    return this.#bus.size <= 1;
  }

  subscribe(channel: string): Promise<void> {
    if (this.#closed || !this.#bus.up) {
      const state = this.#closed ? "the adapter is closed" : "the bus is down";
      return Promise.reject(
        new SocketError(
          "UNAVAILABLE",
          `Cannot subscribe to ${JSON.stringify(channel)}: ${state}`,
        ),
      );
    }
    this.#channels.add(channel);
    this.#bus.subscribe(channel, this);
    return Promise.resolve();
  }

  unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
    this.#bus.unsubscribe(channel, this);
    return Promise.resolve();
  }

  publish(channel: string, payload: string): void {
    if (this.#closed || !this.#bus.publish(channel, payload)) {
      this.#host?.dropped(channel, 1);
    }
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  receive(channel: string, payload: string): void {
    if (this.#closed || !this.#channels.has(channel)) return;
    try {
      this.#host?.message(channel, payload);
    } catch (error) {
      this.#host?.error(error);
    }
  }

  turnTo(status: "up" | "down"): void {
    this.#host?.status(
      status,
      status === "down"
        ? new SocketError("UNAVAILABLE", "The memory bus is down")
        : undefined,
    );
  }

  async #close(): Promise<void> {
    await undefined; // what was published in this turn is on its way in a microtask before this one
    this.#bus.detach(this);
    this.#channels.clear();
  }
}
