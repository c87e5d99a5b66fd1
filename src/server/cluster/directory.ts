/**
 * The directory of nodes: who is there, told by each of itself.
 *
 * @module
 */
import { NODES } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import type { Post } from "./message_parts.ts";
import { unref } from "../../shared/timers.ts";

/** How often a node says that it is there, in milliseconds. */
const HERE_MS = 5_000;
/** After how long a silent node is gone, in milliseconds. */
const SILENT_MS = 15_000;
/** How long after its start a node waits to hear of the others, in milliseconds; longer where hearing means polling. */
const SETTLE_MS = 500;
const SETTLE_METERED_MS = 5_000;

/** One node of the cluster. */
export interface NodeInfo {
  /** Its id. */
  readonly nodeId: string;
  /** When it was made, in milliseconds since the epoch, by its own clock. */
  readonly startedAt: number;
}

/** Is told of a node that came or went. */
export type NodeListener = (node: NodeInfo, change: "joined" | "left") => void;

/** The nodes that this one hears of. */
export class Directory {
  readonly me: NodeInfo;
  /** Told of a node that is new, or says that it hears the others from now on, perhaps again. */
  heard: ((nodeId: string, again: boolean) => void) | undefined;
  readonly #core: ClusterHost;
  readonly #post: Post;
  readonly #metered: boolean;
  readonly #nodes = new Map<string, NodeInfo & { seenAt: number }>();
  readonly #listeners = new Set<NodeListener>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #tickedAt = 0;
  #settled: Promise<void> | undefined;

  constructor(core: ClusterHost, post: Post, metered: boolean) {
    this.#core = core;
    this.#post = post;
    this.#metered = metered;
    this.me = { nodeId: core.nodeId, startedAt: Date.now() };
    post.on("node", ([, what, startedAt], nodeId) => {
      if (nodeId === core.nodeId) return;
      if (what === "left") return this.#leave(nodeId);
      if (!Number.isFinite(startedAt)) {
        throw new TypeError("it does not say when its node started");
      }
      const known = this.has(nodeId);
      this.#see(nodeId, Number(startedAt));
      if (what === "joined") this.#say("here");
      if (what === "joined" || !known) this.heard?.(nodeId, what === "joined");
    });
  }

  /** The other nodes, as far as is known. */
  others(): NodeInfo[] {
    return [...this.#nodes.values()].map(({ nodeId, startedAt }) => ({
      nodeId,
      startedAt,
    }));
  }

  /** Whether another node is known. */
  has(nodeId: string): boolean {
    return this.#nodes.has(nodeId);
  }

  /** Resolves when the nodes that were there at the start are known, or could not be heard in time. */
  get settled(): Promise<void> {
    return this.#settled ?? Promise.resolve();
  }

  /** Listens to nodes that come and go. */
  listen(listener: NodeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Hears the others from now on, and is heard. */
  start(heard: Promise<unknown>): void {
    const settleMs = this.#metered ? SETTLE_METERED_MS : SETTLE_MS;
    this.#settled = heard.then(() => {
      this.announce();
      return new Promise((resolve) => unref(setTimeout(resolve, settleMs)));
    });
    this.#tickedAt = Date.now();
    this.#timer = unref(setInterval(() => this.#tick(), HERE_MS));
  }

  /** Tells the others of this node, and asks them for word. */
  announce(): void {
    if (this.#timer !== undefined) this.#say("joined");
  }

  /** Says good-bye. */
  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#say("left");
    this.#nodes.clear();
    this.#listeners.clear();
  }

  #say(what: "joined" | "here" | "left"): void {
    this.#post.sendOn(NODES, ["node", what, this.me.startedAt]);
  }

  #tick(): void {
    const now = Date.now();
    // After a pause of this process, or while the broker is away, nobody could be heard: that is nobody's silence.
    const deaf = now - this.#tickedAt > 2 * HERE_MS ||
      this.#core.hub.status.state === "down";
    this.#tickedAt = now;
    for (const node of [...this.#nodes.values()]) {
      if (deaf) node.seenAt = now;
      else if (now - node.seenAt > SILENT_MS) this.#leave(node.nodeId);
    }
    this.#say("here");
  }

  #see(nodeId: string, startedAt: number): void {
    const known = this.#nodes.get(nodeId);
    if (known) return void (known.seenAt = Date.now());
    this.#nodes.set(nodeId, { nodeId, startedAt, seenAt: Date.now() });
    this.#tell({ nodeId, startedAt }, "joined");
  }

  #leave(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (!known) return;
    this.#nodes.delete(nodeId);
    this.#tell({ nodeId, startedAt: known.startedAt }, "left");
  }

  #tell(node: NodeInfo, change: "joined" | "left"): void {
    for (const listener of [...this.#listeners]) listener(node, change);
  }
}
