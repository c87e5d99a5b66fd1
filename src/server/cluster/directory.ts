/**
 * The directory of nodes: who is there, told by each of itself.
 *
 * @module
 */
import type { ClusterHost } from "./host.ts";
import { messageOf, type NodeMessages } from "./node_messages.ts";
import { unref } from "../../shared/timers.ts";

/** How often a node says that it is there, in milliseconds. */
const HERE_MS = 5_000;
/** After how long a silent node is gone, in milliseconds. */
const SILENT_MS = 15_000;
/** How long after its start a node waits at most to hear of the others, in milliseconds; longer where the adapter polls. */
const SETTLE_MS = 500;
const SETTLE_METERED_MS = 5_000;
/** How late a timer fires when this process stood still, in milliseconds. */
const STALLED_MS = 1_000;
/** The most nodes of which something is kept although they have not said that they are there. */
const MAX_UNKNOWN = 1_000;

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
  readonly #messages: NodeMessages;
  readonly #settleMs: number;
  readonly #nodes = new Map<string, NodeInfo & { seenAt: number }>();
  /** When the first message came of nodes that have not said that they are there. */
  readonly #unknown = new Map<string, number>();
  readonly #listeners = new Set<NodeListener>();
  readonly #lostListeners: ((nodeId: string) => void)[] = [];
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #settled: Promise<void> = Promise.resolve();
  /** Resolves `settled`; `undefined` when it is not waited for. */
  #settle: (() => void) | undefined;
  /** Whether this node knows all the others, so that one that has just started may rely on their number. */
  #knowsAll = false;
  /** The most nodes that one of them knows of. */
  #claimed = Infinity;

  constructor(core: ClusterHost, messages: NodeMessages, metered: boolean) {
    this.#core = core;
    this.#messages = messages;
    this.#settleMs = metered ? SETTLE_METERED_MS : SETTLE_MS;
    this.me = { nodeId: core.nodeId, startedAt: Date.now() };
    messages.on("node", ([, what, startedAt, known], nodeId) => {
      if (nodeId === core.nodeId) return;
      if (what === "left") return this.#leave(nodeId);
      if (!Number.isFinite(startedAt)) {
        throw new TypeError("it does not say when its node started");
      }
      const isNew = !this.has(nodeId);
      this.#see(nodeId, Number(startedAt));
      if (what === "joined") this.#say("here");
      if (what === "joined" || isNew) this.heard?.(nodeId, what === "joined");
      if (this.#settle && Number(known) >= 1) {
        this.#claimed = this.#claimed === Infinity
          ? Number(known)
          : Math.max(this.#claimed, Number(known));
        if (this.#nodes.size + 1 >= this.#claimed) this.#settle();
      }
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

  /** Whether something of a node may be kept: it is known, or is told of as lost unless it soon says that it is there. */
  admits(nodeId: string): boolean {
    if (this.has(nodeId) || this.#unknown.has(nodeId)) return true;
    if (this.#unknown.size >= MAX_UNKNOWN) return false;
    this.#unknown.set(nodeId, Date.now());
    this.#watchSilence();
    return true;
  }

  /**
   * Resolves when the nodes that were there at the start are known: at once where this node was alone before, as soon as
   * all have answered of whom one that knows them all tells, and after half a second at most, 5 s where the adapter
   * polls.
   */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Listens to nodes that come and go. */
  listen(listener: NodeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Is told of each node that is lost, also of one that never said that it is there. */
  onLost(listener: (nodeId: string) => void): void {
    this.#lostListeners.push(listener);
  }

  /**
   * Hears the others from now on, and is heard.
   *
   * @param heard Resolves when this node hears them
   * @param wasAlone Whether none was there just before: then all others say so when they start
   */
  start(heard: Promise<unknown>, wasAlone: boolean): void {
    this.#heartbeat = unref(setInterval(() => this.#say("here"), HERE_MS));
    this.#settled = heard.then(() => this.#announce(wasAlone));
  }

  /** Tells the others again of this node, since it could not be heard for a while. */
  announce(): void {
    if (this.#heartbeat !== undefined) void this.#announce(false);
  }

  /** Announces that this node leaves. */
  close(): void {
    if (this.#heartbeat === undefined) return;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#silence);
    this.#settle?.();
    this.#say("left");
    this.#nodes.clear();
    this.#unknown.clear();
    this.#listeners.clear();
  }

  async #announce(wasAlone: boolean): Promise<void> {
    this.#claimed = Infinity;
    this.#knowsAll = wasAlone;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settled = new Promise<void>((resolve) => {
      this.#settle?.();
      this.#settle = resolve;
      if (wasAlone) resolve();
      else timer = unref(setTimeout(resolve, this.#settleMs));
    });
    const settle = this.#settle;
    this.#say("joined");
    await settled;
    clearTimeout(timer);
    if (this.#settle !== settle) return; // announced again
    this.#settle = undefined;
    this.#knowsAll = this.#core.hub.status.state === "up";
  }

  /** Tells all nodes of this one, and how many it knows of, itself included, once it knows all. */
  #say(what: "joined" | "here" | "left"): void {
    const known = this.#knowsAll ? this.#nodes.size + 1 : 0;
    const message = messageOf(["node", what, this.me.startedAt, known]);
    this.#messages.send(undefined, message);
  }

  /** Waits until the first of those that are known may have been silent for too long. */
  #watchSilence(): void {
    if (this.#silence !== undefined) return;
    const seen = [...this.#nodes.values()].map(({ seenAt }) => seenAt)
      .concat(...this.#unknown.values());
    if (seen.length === 0) return;
    const dueAt = seen.reduce((one, two) => Math.min(one, two)) + SILENT_MS;
    const ms = Math.max(0, dueAt - Date.now());
    this.#silence = unref(setTimeout(() => this.#endSilent(dueAt), ms));
  }

  #endSilent(dueAt: number): void {
    this.#silence = undefined;
    const now = Date.now();
    const stalled = now - dueAt > STALLED_MS;
    for (const node of [...this.#nodes.values()]) {
      // While the broker is away nobody can be heard.
      if (this.#core.hub.status.state === "down") node.seenAt = now;
      if (now - node.seenAt < SILENT_MS) continue;
      // After a pause of this process what came meanwhile is still to be read.
      if (stalled) node.seenAt = now - SILENT_MS + HERE_MS + STALLED_MS;
      else this.#leave(node.nodeId);
    }
    for (const [nodeId, seenAt] of [...this.#unknown]) {
      if (now - seenAt < SILENT_MS) continue;
      this.#unknown.delete(nodeId);
      this.#lost(nodeId);
    }
    this.#watchSilence();
  }

  #see(nodeId: string, startedAt: number): void {
    this.#unknown.delete(nodeId);
    const known = this.#nodes.get(nodeId);
    if (known) return void (known.seenAt = Date.now());
    this.#nodes.set(nodeId, { nodeId, startedAt, seenAt: Date.now() });
    this.#watchSilence();
    this.#tell({ nodeId, startedAt }, "joined");
  }

  #leave(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (!known) return;
    this.#nodes.delete(nodeId);
    this.#lost(nodeId);
    this.#tell({ nodeId, startedAt: known.startedAt }, "left");
  }

  #lost(nodeId: string): void {
    for (const listener of this.#lostListeners) listener(nodeId);
  }

  #tell(node: NodeInfo, change: "joined" | "left"): void {
    for (const listener of [...this.#listeners]) listener(node, change);
  }
}
