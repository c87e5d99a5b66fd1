/**
 * Several nodes of an app and its clients in one process, with faults on demand.
 *
 * @module
 */
import { MemoryBus } from "../../adapters/memory.ts";
import type { Adapter } from "../seams/adapter.ts";
import { createClient } from "../client/client.ts";
import type { WebSocketConstructor } from "../client/link.ts";
import type { Client, ClientOptions } from "../client/types.ts";
import type { Contract } from "../contract/define.ts";
import type { ContractDefinition, RoleName } from "../contract/types.ts";
import { assert } from "./assert.ts";
import type { TestClock } from "./clock.ts";
import {
  ClusterNode,
  type ClusterServer,
  type TestNode,
} from "./cluster_node.ts";
import { LoopbackWebSocket, type Route } from "./loopback_socket.ts";
import { turn, Wire } from "./wire.ts";

/** What {@linkcode createTestCluster} takes. */
export interface TestClusterOptions<S extends ClusterServer> {
  /**
   * Starts one node of your app: the function that your program starts with, given the adapter.
   *
   * @param adapter For `createSocketServer`
   * @param index Which node it is, from 0
   */
  readonly start: (adapter: Adapter, index: number) => S;
  /**
   * How many nodes to start with.
   *
   * @default {1}
   */
  readonly nodes?: number;
  /** Time that passes only in `advance`. Made before the cluster, it is put back by `close`. */
  readonly clock?: TestClock;
}

/** What a client of a cluster can be told beside its role. */
export interface TestClientOptions<R extends string>
  extends Omit<ClientOptions<R>, "url" | "role" | "WebSocket"> {
  /** The node it prefers; the next in turn when left out. While that is down it goes to another, as balancers do. */
  readonly node?: number;
  /** What `superline(srv, { identity })` would have computed. */
  readonly identity?: unknown;
  /** The address it seems to come from. */
  readonly remoteAddress?: string;
}

/** How to wait until nothing is under way. */
export interface SettledOptions {
  /**
   * Whether calls may stay without an answer: for handlers that wait for something the test has yet to do.
   *
   * @default {false}
   */
  readonly unanswered?: boolean;
  /**
   * After how long to give up, in real milliseconds.
   *
   * @default {5_000}
   */
  readonly withinMs?: number;
}

/** Nodes and clients in one process. */
export interface TestCluster<
  C extends ContractDefinition,
  S extends ClusterServer,
> {
  /** The nodes, in the order they were started. */
  readonly nodes: readonly TestNode<S>[];
  /** The broker between them: `fail()` takes it away, `restore()` brings it back. */
  readonly bus: MemoryBus;
  /** Starts one more node. */
  addNode(): TestNode<S>;
  /**
   * Connects a client. Its waits between attempts are a few milliseconds, unless `options` or a clock say otherwise.
   *
   * @param role A role of the contract
   * @param options What `createClient` takes, and where the client seems to come from
   */
  connect<R extends RoleName<C>>(
    role: R,
    options?: TestClientOptions<R & string>,
  ): Client<C, R>;
  /** Breaks a client's connection: both ends see 1006, and the client comes back by itself. */
  drop(client: Client<C, RoleName<C>>): void;
  /** As `drop`, and it does not come back before `plug`. */
  unplug(client: Client<C, RoleName<C>>): void;
  /** Lets an unplugged client come back. */
  plug(client: Client<C, RoleName<C>>): void;
  /**
   * Waits until nothing is under way: no frame, no handshake, no call without its answer, no client that is about to
   * come back. What is held back at a paused node does not count.
   *
   * @throws {Error} After `withinMs`, naming what is under way
   */
  settled(options?: SettledOptions): Promise<void>;
  /**
   * Lets time pass, for clusters with a clock; all that it leads to has settled when this resolves.
   *
   * @param ms For how long, in milliseconds
   * @throws {TypeError} Without a clock
   */
  advance(ms: number): Promise<void>;
  /** Ends all clients and nodes, and puts the process's own clock back. */
  close(): Promise<void>;
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface Plug {
  readonly client: Client<ContractDefinition, string>;
  socket: LoopbackWebSocket | undefined;
  /** Where the last dial led. */
  node: ClusterNode<ClusterServer> | undefined;
  in: boolean;
}

/**
 * Starts several nodes of an app in one process: no port, no broker, no waiting for time to pass.
 *
 * @param contract What `defineContract` returned
 * @param options `start`, and how many nodes
 * @returns The cluster; clients of it are typed by the contract
 *
 * @example A message from one node to another
 * ```ts
 * import { z } from "zod";
 * import { type Adapter, createSocketServer, defineContract } from "@super-line/edge";
 * import { createTestCluster } from "@super-line/edge/testing";
 *
 * const api = defineContract({
 *   roles: {
 *     user: {
 *       clientToServer: { say: { input: z.string() } },
 *     },
 *   },
 *   shared: { serverToClient: { said: { payload: z.string() } } },
 * });
 * const start = (adapter: Adapter) => {
 *   const srv = createSocketServer(api, {
 *     adapter,
 *     authenticate: () => ({ role: "user" }),
 *     onConnection: (conn) => srv.room("all").add(conn),
 *   });
 *   return srv.implement({ user: { say: (text) => srv.room("all").broadcast("said", text) } });
 * };
 *
 * const cluster = createTestCluster(api, { nodes: 2, start });
 * const [ada, grace] = [cluster.connect("user", { node: 0 }), cluster.connect("user", { node: 1 })];
 * grace.on("said", (text) => console.log(text));
 * await cluster.settled();
 * ada.say("hello");
 * await cluster.settled(); // grace has heard it
 * await cluster.close();
 * ```
 */
export function createTestCluster<
  C extends ContractDefinition,
  S extends ClusterServer,
>(
  contract: Contract<C>,
  { start, nodes = 1, clock }: TestClusterOptions<S>,
): TestCluster<C, S> {
  return new Cluster(contract, start, nodes, clock) as TestCluster<C, S>;
}

class Cluster<C extends ContractDefinition, S extends ClusterServer>
  implements Omit<TestCluster<C, S>, "connect"> {
  readonly nodes: ClusterNode<S>[] = [];
  readonly bus: MemoryBus = new MemoryBus();
  readonly #contract: Contract<C>;
  readonly #start: TestClusterOptions<S>["start"];
  readonly #clock: TestClock | undefined;
  readonly #plugs = new Map<unknown, Plug>();
  #turns = 0;

  constructor(
    contract: Contract<C>,
    start: TestClusterOptions<S>["start"],
    nodes: number,
    clock: TestClock | undefined,
  ) {
    this.#contract = contract;
    this.#start = start;
    this.#clock = clock;
    for (let at = 0; at < nodes; at++) this.addNode();
  }

  addNode(): ClusterNode<S> {
    const index = this.nodes.length;
    const node = new ClusterNode<S>(
      this.bus,
      (adapter) => this.#start(adapter, index),
    );
    this.nodes.push(node);
    return node;
  }

  connect<R extends RoleName<C>>(
    role: R,
    {
      node: preferred = this.#turns++ % this.nodes.length,
      identity,
      remoteAddress,
      ...options
    }: TestClientOptions<R & string> = {},
  ): Client<C, R> {
    const extras = {
      ...(identity !== undefined && { identity }),
      ...(remoteAddress !== undefined && { remoteAddress }),
    };
    const soon = this.#clock ? {} : { reconnectBaseMs: 1, reconnectMaxMs: 10 };
    const client = createClient(this.#contract, {
      ...soon,
      ...options,
      url: "ws://app.test/",
      role: role as R & string,
      WebSocket: this.#dialler(preferred, extras, () => plug),
    });
    const plug: Plug = {
      client: client as unknown as Plug["client"], // of any contract: only its state is looked at
      socket: undefined,
      node: undefined,
      in: true,
    };
    this.#plugs.set(client, plug);
    return client;
  }

  drop(client: unknown): void {
    this.#plugs.get(client)?.socket?.cut();
  }

  unplug(client: unknown): void {
    const plug = this.#plugs.get(client);
    if (plug) plug.in = false;
    this.drop(client);
  }

  plug(client: unknown): void {
    const plug = this.#plugs.get(client);
    if (plug) plug.in = true;
  }

  async settled(
    { unanswered = false, withinMs = 5_000 }: SettledOptions = {},
  ): Promise<void> {
    const end = performance.now() + withinMs;
    // Quiet for some turns on end: what a promise leads to may take a turn or two.
    for (let quiet = 0; quiet < 4; quiet++) {
      await turn();
      const busy = this.#busy(unanswered);
      if (busy === undefined) continue;
      quiet = -1;
      assert(
        performance.now() < end,
        `Cannot settle: ${busy} after ${withinMs} ms`,
      );
    }
  }

  async advance(ms: number): Promise<void> {
    if (!this.#clock) {
      throw new TypeError(
        "Cannot advance: the cluster has no clock, must be created with one",
      );
    }
    const how = { unanswered: true };
    await this.#clock.advance(ms, async () => {
      await turn();
      if (this.#busy(true)) await this.settled(how); // most timers lead to nothing
    });
    await this.settled(how);
  }

  async close(): Promise<void> {
    for (const { client } of this.#plugs.values()) client.close();
    for (const { up, wire } of this.nodes) if (up) wire.resume();
    await Promise.all(this.nodes.map(({ srv }) => srv.close()));
    this.#clock?.restore();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #busy(unanswered: boolean): string | undefined {
    for (const [at, node] of this.nodes.entries()) {
      const busy = node.busy(unanswered);
      if (busy) return `node ${at} has ${busy}`;
    }
    if (!this.nodes.some(({ up }) => up)) return undefined;
    for (const [at, plug] of [...this.#plugs.values()].entries()) {
      const { state } = plug.client;
      // Where time stands still, a wait is no business of this moment.
      const dials = state === "connecting" ||
        state === "waiting" && !this.#clock;
      if (dials && plug.in && !plug.node?.stalled) {
        return `client ${at} is ${state}`;
      }
    }
    return undefined;
  }

  /** A `WebSocket` that finds a node at each dial. */
  #dialler(
    preferred: number,
    extras: Route["extras"],
    plugOf: () => Plug,
  ): WebSocketConstructor {
    const route = (): ClusterNode<S> | undefined => {
      if (!plugOf().in) return;
      const node = this.nodes[preferred];
      return node?.up ? node : this.nodes.find(({ up }) => up);
    };
    return class extends LoopbackWebSocket {
      constructor(url: string, protocols: string[]) {
        const node = route();
        if (!node) {
          super(nowhere(), url, protocols);
          return;
        }
        super(
          { srv: node.srv, extras, carry: node.wire.carry },
          url,
          protocols,
        );
        Object.assign(plugOf(), { socket: this, node });
        node.sockets.add(this);
      }
    } as WebSocketConstructor;
  }
}

/** A dial that nobody answers to. */
function nowhere(): Route {
  const response = new Response(null, { status: 503 });
  return {
    srv: { handshake: () => Promise.resolve({ kind: "respond", response }) },
    extras: {},
    carry: new Wire().carry,
  };
}
