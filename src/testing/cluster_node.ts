/**
 * One node of a test cluster, and what can be done to it.
 *
 * @module
 */
import {
  createInMemoryAdapter,
  type MemoryBus,
} from "../../adapters/memory.ts";
import type { Adapter, AdapterHost } from "../seams/adapter.ts";
import type { Stats } from "../server/stats/counters.ts";
import type { HandshakerLike } from "./loopback.ts";
import type { LoopbackWebSocket } from "./loopback_socket.ts";
import { Wire } from "./wire.ts";

/** What a cluster needs of a server: every one that `createSocketServer` returns has it. */
export interface ClusterServer extends HandshakerLike {
  /** What it counts. */
  stats(): Stats;
  /** Ends it. */
  close(): Promise<void>;
}

/** One node of a {@linkcode TestCluster}. */
export interface TestNode<S extends ClusterServer = ClusterServer> {
  /** What `start` returned. */
  readonly srv: S;
  /** Whether clients and other nodes reach it: it is neither stopped nor killed. */
  readonly up: boolean;
  /** Holds back all that goes to it and comes from it, as if its process stood still. A second call does nothing. */
  pause(): void;
  /** Lets it go on: what was held back arrives, in order. A second call does nothing. */
  resume(): void;
  /** Closes the server, as a deployment does: clients are told, and go to another node. */
  stop(): Promise<void>;
  /** Ends it as a crash does: nobody is told, what is on its way is lost, its clients see 1006. */
  kill(): Promise<void>;
}

/** Starts a node on a bus. */
export class ClusterNode<S extends ClusterServer> implements TestNode<S> {
  readonly srv: S;
  readonly wire: Wire = new Wire();
  /** The sockets of its clients. */
  readonly sockets: Set<LoopbackWebSocket> = new Set();
  #up = true;

  constructor(bus: MemoryBus, start: (adapter: Adapter) => S) {
    this.srv = start(carriedBy(this.wire, createInMemoryAdapter(bus)));
  }

  get up(): boolean {
    return this.#up;
  }

  /** Whether those who dial it wait, until it is resumed. */
  get stalled(): boolean {
    return this.#up && this.wire.paused;
  }

  pause(): void {
    this.wire.pause();
  }

  resume(): void {
    this.wire.resume();
  }

  async stop(): Promise<void> {
    this.#up = false;
    await this.srv.close();
  }

  async kill(): Promise<void> {
    this.#up = false;
    this.wire.pause();
    for (const socket of [...this.sockets]) socket.cut();
    await this.srv.close();
  }

  /** What is under way at it, if anything. */
  busy(unanswered: boolean): string | undefined {
    if (this.wire.paused) return undefined;
    if (this.wire.size > 0) return "something on its way";
    if (!this.#up) return undefined;
    const { sizes } = this.srv.stats();
    for (
      const name of [
        ...["handshakes", "waitingOutboxes", "outgoing"],
        ...(unanswered ? [] : ["calls", "signals"]),
      ]
    ) {
      if (sizes[name]) return `${name}: ${sizes[name]}`;
    }
    return undefined;
  }
}

/** An adapter whose payloads go over a node's wire, in both directions. */
function carriedBy(wire: Wire, adapter: Adapter): Adapter {
  const { log } = adapter;
  return {
    limits: adapter.limits,
    open(host: AdapterHost) {
      adapter.open({
        nodeId: host.nodeId,
        message: (channel, payload) =>
          wire.carry(() => host.message(channel, payload)),
        appended: (channel, entries) =>
          wire.carry(() => host.appended(channel, entries)),
        lost: (channels) => wire.carry(() => host.lost(channels)),
        status: (status, cause) => host.status(status, cause),
        dropped: (channel, count) => host.dropped(channel, count),
        error: (error) => host.error(error),
      });
    },
    subscribe: (channel) => adapter.subscribe(channel),
    unsubscribe: (channel) => adapter.unsubscribe(channel),
    publish: (channel, payload) =>
      wire.carry(() => adapter.publish(channel, payload)),
    close: () => adapter.close(),
    alone: () => adapter.alone?.() ?? false,
    ...(log && {
      log: {
        append: (...given) =>
          new Promise((resolve) =>
            wire.carry(() => resolve(log.append(...given)))
          ),
        read: (...given) =>
          new Promise((resolve) =>
            wire.carry(() => resolve(log.read(...given)))
          ),
      },
    }),
  };
}
