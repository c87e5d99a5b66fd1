/**
 * `cluster.watch`: a node that watches a set of connections asks all nodes, and each one sends its own connections in
 * the set and their changes. Nothing is sent where no node watches.
 *
 * @module
 */
import { type ConnectionInfo, isConnectionInfo } from "./query.ts";
import { roomChannel, userChannel } from "../fanout/channels.ts";
import type { PresenceHost } from "./host.ts";
import type { Fields } from "../../wire/protocol.ts";
import { messageOf } from "../cluster/node_messages.ts";
import { checkUserId } from "../cluster/reach.ts";
import type { Joined } from "../../wire/joined.ts";
import { createOff, type ReadyOff } from "../../wire/off.ts";
import { unref } from "../../shared/timers.ts";
import { CHECK_MS, WatchedConnections } from "./watched_connections.ts";

/** Receives the connections that join and leave. */
export interface WatchListener {
  /** A connection is in the set: it was when the watch began, or joined. Called once for each. */
  readonly join?: (who: ConnectionInfo) => void;
  /** A connection left the set, with the information of its join: it left, was closed, or its node ended. */
  readonly leave?: (who: ConnectionInfo) => void;
}

/** How long `ready` waits for the other nodes, in milliseconds. */
const READY_MS = 5_000;

/** A node's connections in a set, as far as it has sent them. */
interface NodeView {
  /** The number of its last message. */
  at: number;
  /** Its connections, by id. */
  readonly members: Map<string, ConnectionInfo>;
  /** A list of which not all parts have arrived. */
  incoming: ConnectionInfo[];
}

/** One set that is watched here. */
interface Watch {
  readonly listeners: Set<WatchListener>;
  readonly nodes: Map<string, NodeView>;
  /** The nodes that have not sent their connections yet; `undefined` before the nodes are known. */
  awaited: Set<string> | undefined;
  readonly ready: Promise<Joined>;
  readonly settle: (joined: Joined) => void;
}

/** The sets of connections that this node watches. */
export class Watches {
  readonly #host: PresenceHost;
  readonly #watched: WatchedConnections;
  readonly #watches = new Map<string, Watch>();
  #check: ReturnType<typeof setInterval> | undefined;

  constructor(host: PresenceHost) {
    this.#host = host;
    const { messages, directory } = host.reach;
    this.#watched = new WatchedConnections(
      host,
      (message) => this.#take(message, host.nodeId),
    );
    messages.on("members", (message, from) => this.#take(message, from));
    directory.onLost((nodeId) => this.#lose(nodeId));
    directory.heard = (nodeId, again) => {
      for (const [set, { awaited, nodes }] of this.#watches) {
        // A node that existed at the start is asked together with all others.
        const asked = !awaited || nodes.has(nodeId);
        if (again || !asked) this.#ask(set, nodeId);
      }
    };
  }

  /** The number of watched sets. */
  get size(): number {
    return this.#watches.size + this.#watched.size;
  }

  /** A connection came, left, or is in other channels. */
  changed: WatchedConnections["changed"] = (session) =>
    this.#watched.changed(session);

  /** Watches a set. */
  watch(
    { room, userId }: { room?: string; userId?: string },
    listener: WatchListener,
  ): ReadyOff {
    this.#host.reach.mustReach("those to be watched");
    const set = room !== undefined
      ? roomChannel(room)
      : userId !== undefined
      ? userChannel(checkUserId(userId))
      : "";
    const watch = this.#watches.get(set) ?? this.#open(set);
    watch.listeners.add(listener);
    for (const { members } of watch.nodes.values()) {
      for (const who of members.values()) this.#notify([listener], "join", who);
    }
    const off = createOff(() => {
      if (!watch.listeners.delete(listener)) return;
      if (watch.listeners.size === 0) this.#close(set, watch);
    });
    return Object.assign(off, { ready: watch.ready });
  }

  /** Other nodes are reachable, perhaps again: changes in the meantime were missed. */
  look(): void {
    for (const set of this.#watches.keys()) this.#ask(set);
  }

  /** Ends all watches. */
  close(): void {
    for (const watch of this.#watches.values()) watch.settle({ live: false });
    this.#watches.clear();
    this.#watched.close();
    clearInterval(this.#check);
  }

  #open(set: string): Watch {
    let settle: Watch["settle"] = () => {};
    const ready = new Promise<Joined>((resolve) => settle = resolve);
    const watch: Watch = {
      listeners: new Set(),
      nodes: new Map(),
      awaited: undefined,
      ready,
      settle,
    };
    this.#watches.set(set, watch);
    this.#check ??= unref(setInterval(() => this.#checkAll(), CHECK_MS));
    const { subscribed, directory } = this.#host.reach;
    // Not in this turn, so that the caller has the listener's `off` before it is called.
    void subscribed.then(async ({ live }) => {
      if (this.#watches.get(set) !== watch) return settle({ live: false });
      this.#ask(set);
      await directory.settled;
      watch.awaited = new Set(
        [...directory.ids()].filter((nodeId) => !watch.nodes.has(nodeId)),
      );
      if (!live) return settle({ live: false });
      if (watch.awaited.size === 0) return settle({ live: true });
      unref(setTimeout(() => settle({ live: false }), READY_MS));
    });
    return watch;
  }

  #close(set: string, watch: Watch): void {
    if (this.#watches.get(set) !== watch) return;
    this.#watches.delete(set);
    watch.settle({ live: false });
    this.#send("unwatch", set);
    this.#watched.unwatch(this.#host.nodeId, set);
    if (this.#watches.size > 0) return;
    clearInterval(this.#check);
    this.#check = undefined;
  }

  /**
   * Tells all nodes what this node has received of each. A node that has sent something else sends its connections
   * again: a message was lost or forged.
   */
  #checkAll(): void {
    for (const [set, { nodes }] of this.#watches) {
      const known = [...nodes].map(([nodeId, { at, members }]) =>
        [nodeId, at, members.size] as const
      );
      this.#host.reach.messages
        .send(undefined, messageOf(["watch", set, known]));
    }
  }

  /** Asks one node or all for their connections in a set, and for changes from now on. */
  #ask(set: string, nodeId?: string): void {
    if (nodeId === undefined) this.#watched.watch(this.#host.nodeId, set);
    this.#send("watch", set, nodeId);
  }

  #send(tag: "watch" | "unwatch", set: string, nodeId?: string): void {
    this.#host.reach.messages.send(nodeId, messageOf([tag, set]));
  }

  /** Handles a node's connections: all of them, in one part or several, or changes. */
  #take([, set, at, part, came, went]: Fields, nodeId: string): void {
    const [name, number] = [String(set), Number(at)];
    if (
      !Array.isArray(came) || !came.every(isConnectionInfo) ||
      !Array.isArray(went) || !(number > 0)
    ) throw new TypeError("it is no list of connections");
    const watch = this.#watches.get(name);
    if (!watch) {
      // The node does not know yet that the watch has ended.
      return this.#send("unwatch", name, nodeId);
    }
    const { directory } = this.#host.reach;
    if (nodeId !== this.#host.nodeId && !directory.admits(nodeId)) {
      throw new TypeError("too many nodes are unknown");
    }
    let view = watch.nodes.get(nodeId);
    if (part === "first" || part === "only") {
      view ??= { at: 0, members: new Map(), incoming: [] };
      view.incoming = [];
      watch.nodes.set(nodeId, view);
    } else if (!view || number <= view.at) return;
    else if (number !== view.at + 1) {
      return this.#send("watch", name, nodeId);
    }
    view.at = number;
    if (part === "change") {
      for (const who of came) this.#come(watch, view, who);
      for (const id of went) this.#go(watch, view, String(id));
      return;
    }
    view.incoming.push(...came);
    if (part === "first" || part === "next") return;
    const there = new Set(view.incoming.map(({ id }) => id));
    for (const id of view.members.keys()) {
      if (!there.has(id)) this.#go(watch, view, id);
    }
    for (const who of view.incoming) this.#come(watch, view, who);
    view.incoming = [];
    if (watch.awaited?.delete(nodeId) && watch.awaited.size === 0) {
      watch.settle({ live: true });
    }
  }

  #come(watch: Watch, { members }: NodeView, who: ConnectionInfo): void {
    const known = members.has(who.id);
    members.set(who.id, who);
    if (!known) this.#notify(watch.listeners, "join", who);
  }

  #go(watch: Watch, { members }: NodeView, id: string): void {
    const who = members.get(id);
    if (who && members.delete(id)) this.#notify(watch.listeners, "leave", who);
  }

  /** A node has ended or crashed: its connections are gone. */
  #lose(nodeId: string): void {
    this.#watched.lose(nodeId);
    for (const watch of this.#watches.values()) {
      const view = watch.nodes.get(nodeId);
      watch.nodes.delete(nodeId);
      for (const id of [...view?.members.keys() ?? []]) {
        if (view) this.#go(watch, view, id);
      }
      if (watch.awaited?.delete(nodeId) && watch.awaited.size === 0) {
        watch.settle({ live: true });
      }
    }
  }

  #notify(
    listeners: Iterable<WatchListener>,
    what: "join" | "leave",
    who: ConnectionInfo,
  ): void {
    for (const listener of [...listeners]) {
      void this.#host.hook("watch", "hook", () => listener[what]?.(who));
    }
  }
}
