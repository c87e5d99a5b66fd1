/**
 * The directory of nodes: each node announces itself.
 *
 * @module
 */
import type { ClusterHost } from "./host.ts";
import { messageOf, type NodeMessages } from "./node_messages.ts";
import { unref } from "../../shared/timers.ts";

/** How often a node announces itself, in milliseconds. */
const HERE_MS = 5_000;
/** After how long a silent node counts as gone, in milliseconds. */
const SILENT_MS = 15_000;
/**
 * How long a node waits at most after its start for the others to answer, in milliseconds; longer if the adapter polls.
 */
const SETTLE_MS = 500;
const SETTLE_METERED_MS = 5_000;
/** How late a timer fires after this process was suspended, in milliseconds. */
const STALLED_MS = 1_000;
/** The most answers in one second to nodes that join. */
const MAX_ANSWERS = 10;
/** The most nodes that are known. */
const MAX_NODES = 10_000;
/** The most nodes of which something is stored although they have not announced themselves. */
const MAX_UNKNOWN = 1_000;

/** One node of the cluster. */
export interface NodeInfo {
  /** The node's id. */
  readonly nodeId: string;
  /** When it was created, in milliseconds since the epoch, by its own clock. */
  readonly startedAt: number;
}

/** Receives nodes that joined or left. */
export type NodeListener = (node: NodeInfo, change: "joined" | "left") => void;

/** The nodes that this node knows. */
export class Directory {
  readonly me: NodeInfo;
  /** Called for a node that is new, or that receives messages from now on, perhaps again. */
  heard: ((nodeId: string, again: boolean) => void) | undefined;
  readonly #host: ClusterHost;
  readonly #messages: NodeMessages;
  readonly #settleMs: number;
  readonly #nodes = new Map<string, NodeInfo & { seenAt: number }>();
  /** When the first message arrived from nodes that have not announced themselves. */
  readonly #unknown = new Map<string, number>();
  readonly #listeners = new Set<NodeListener>();
  readonly #lostListeners: ((nodeId: string) => void)[] = [];
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #answer: ReturnType<typeof setTimeout> | undefined;
  /** When the second began in which `#answers` were given. */
  #secondAt = 0;
  #answers = 0;
  #settled: Promise<void> = Promise.resolve();
  /** Resolves `settled`; `undefined` if nothing waits for it. */
  #settle: (() => void) | undefined;
  /** Whether this node knows all others, so that a node that has just started can rely on their number. */
  #knowsAll = false;
  /** The largest number of nodes that another node knows. */
  #claimed = Infinity;

  constructor(host: ClusterHost, messages: NodeMessages, metered: boolean) {
    this.#host = host;
    this.#messages = messages;
    this.#settleMs = metered ? SETTLE_METERED_MS : SETTLE_MS;
    this.me = { nodeId: host.nodeId, startedAt: Date.now() };
    messages.on("node", ([, what, startedAt, known], nodeId) => {
      if (nodeId === host.nodeId) return;
      if (what === "left") return this.#leave(nodeId);
      if (!Number.isFinite(startedAt)) {
        throw new TypeError("it does not say when its node started");
      }
      const isNew = !this.has(nodeId);
      if (isNew && this.#nodes.size >= MAX_NODES) {
        throw new TypeError(`more than ${MAX_NODES} nodes are known`);
      }
      this.#see(nodeId, Number(startedAt));
      if (what === "joined") this.#answerJoined();
      if (what === "joined" || isNew) this.heard?.(nodeId, what === "joined");
      if (this.#settle && Number(known) >= 1) {
        this.#claimed = this.#claimed === Infinity
          ? Number(known)
          : Math.max(this.#claimed, Number(known));
        if (this.#nodes.size + 1 >= this.#claimed) this.#settle();
      }
    });
  }

  /** Returns the other nodes known. */
  others(): NodeInfo[] {
    return [...this.#nodes.values()].map(({ nodeId, startedAt }) => ({
      nodeId,
      startedAt,
    }));
  }

  /** The ids of the other nodes that are known. */
  ids(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** Tells whether another node is known. */
  has(nodeId: string): boolean {
    return this.#nodes.has(nodeId);
  }

  /**
   * Tells whether something of a node may be stored: the node is known, or will be reported as lost unless it announces
   * itself soon.
   */
  admits(nodeId: string): boolean {
    if (this.has(nodeId) || this.#unknown.has(nodeId)) return true;
    if (this.#unknown.size >= MAX_UNKNOWN) return false;
    this.#unknown.set(nodeId, Date.now());
    this.#watchSilence();
    return true;
  }

  /**
   * Resolves when the nodes that existed at the start are known: at once if this node was alone before; as soon as all
   * nodes have answered that a node with full knowledge counts; at the latest after half a second, or 5 s if the
   * adapter polls.
   */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Adds a listener for nodes that join and leave. */
  listen(listener: NodeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Adds a listener for lost nodes, also those that never announced themselves. */
  onLost(listener: (nodeId: string) => void): void {
    this.#lostListeners.push(listener);
  }

  /**
   * Starts to receive and to announce.
   *
   * @param heard Resolves when this node receives messages of others
   * @param wasAlone Whether there were no other nodes just before: all others announce themselves when they start
   */
  start(heard: Promise<unknown>, wasAlone: boolean): void {
    this.#heartbeat = unref(setInterval(() => this.#say("here"), HERE_MS));
    this.#settled = heard.then(() => this.#announce(wasAlone));
  }

  /** Announces this node again, since it could not receive for a while. */
  announce(): void {
    if (this.#heartbeat !== undefined) void this.#announce(false);
  }

  /** Announces that this node leaves. */
  close(): void {
    if (this.#heartbeat === undefined) return;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#silence);
    clearTimeout(this.#answer);
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
    if (this.#settle !== settle) return; // announces again
    this.#settle = undefined;
    this.#knowsAll = this.#host.hub.status.state === "up";
  }

  /** Answers nodes that join. Beyond ten answers a second one answers all of them, since joins can be forged. */
  #answerJoined(): void {
    const now = Date.now();
    if (now - this.#secondAt >= 1_000) {
      this.#secondAt = now;
      this.#answers = 0;
    }
    if (this.#answers++ < MAX_ANSWERS) return this.#say("here");
    this.#answer ??= unref(setTimeout(() => {
      this.#answer = undefined;
      this.#say("here");
    }, this.#secondAt + 1_000 - now));
  }

  /** Announces this node, and how many nodes it knows including itself, once it knows all. */
  #say(what: "joined" | "here" | "left"): void {
    const known = this.#knowsAll ? this.#nodes.size + 1 : 0;
    const message = messageOf(["node", what, this.me.startedAt, known]);
    this.#messages.send(undefined, message);
  }

  /** Waits until the first known node may have been silent for too long. */
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
      // While the broker is unreachable, no node can be heard.
      if (this.#host.hub.status.state === "down") node.seenAt = now;
      if (now - node.seenAt < SILENT_MS) continue;
      // After this process was suspended, messages that arrived meanwhile are still to be read.
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
    this.#notify({ nodeId, startedAt }, "joined");
  }

  #leave(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (!known) return;
    this.#nodes.delete(nodeId);
    this.#lost(nodeId);
    this.#notify({ nodeId, startedAt: known.startedAt }, "left");
  }

  #lost(nodeId: string): void {
    for (const listener of this.#lostListeners) listener(nodeId);
  }

  #notify(node: NodeInfo, change: "joined" | "left"): void {
    for (const listener of [...this.#listeners]) listener(node, change);
  }
}
