/**
 * Watching who comes and goes, on all nodes: `cluster.watch`. Whoever watches tells all nodes, and each then tells it of
 * its own connections; nothing is sent where nobody watches.
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
import type { Off } from "../fanout/hub.ts";
import { unref } from "../../shared/timers.ts";
import { CHECK_MS, WatchedConnections } from "./watched_connections.ts";

/** Is told who comes and goes. */
export interface WatchListener {
  /** One is there: it was already, or came. Called once for each. */
  readonly join?: (who: ConnectionInfo) => void;
  /** One is there no more, with what was told of it when it came: it left, ended, or its node did. */
  readonly leave?: (who: ConnectionInfo) => void;
}

/** How long `ready` waits for the other nodes, in milliseconds. */
const READY_MS = 5_000;

/** What a node said of its connections in a set. */
interface NodeView {
  /** The number of its last message. */
  at: number;
  /** Its connections, by id. */
  readonly members: Map<string, ConnectionInfo>;
  /** A list that is coming in parts. */
  incoming: ConnectionInfo[];
}

/** One set that is watched here. */
interface Watch {
  readonly listeners: Set<WatchListener>;
  readonly nodes: Map<string, NodeView>;
  /** The nodes that have not said yet who is there; `undefined` before it is known which nodes there are. */
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
        // One that was there at the start is asked with all.
        const asked = !awaited || nodes.has(nodeId);
        if (again || !asked) this.#ask(set, nodeId);
      }
    };
  }

  /** How many sets are watched. */
  get size(): number {
    return this.#watches.size + this.#watched.size;
  }

  /** A connection came, went, or is in other channels. */
  changed: WatchedConnections["changed"] = (session) =>
    this.#watched.changed(session);

  /** Listens to who is in a set. */
  watch(
    { room, userId }: { room?: string; userId?: string },
    listener: WatchListener,
  ): Off {
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
    const off = () => {
      if (!watch.listeners.delete(listener)) return;
      if (watch.listeners.size === 0) this.#close(set, watch);
    };
    return Object.assign(off, { ready: watch.ready });
  }

  /** The other nodes are heard, perhaps again: what they said meanwhile was missed. */
  look(): void {
    for (const set of this.#watches.keys()) this.#ask(set);
  }

  /** Watches nothing any more. */
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
    // Not before this turn is over: the listener is to be there first.
    void subscribed.then(async ({ live }) => {
      if (this.#watches.get(set) !== watch) return settle({ live: false });
      this.#ask(set);
      await directory.settled;
      watch.awaited = new Set(
        directory.others().map(({ nodeId }) => nodeId)
          .filter((nodeId) => !watch.nodes.has(nodeId)),
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
   * Tells all nodes what this one has of each. A node where that is not so tells again who is there: a message was lost,
   * or somebody else wrote one in its name, or in this node's.
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

  /** Asks one node, or all, who is in a set, and to be told from now on. */
  #ask(set: string, nodeId?: string): void {
    if (nodeId === undefined) this.#watched.watch(this.#host.nodeId, set);
    this.#send("watch", set, nodeId);
  }

  #send(tag: "watch" | "unwatch", set: string, nodeId?: string): void {
    this.#host.reach.messages.send(nodeId, messageOf([tag, set]));
  }

  /** Takes what a node told: all who are there, in one part or several, or who came and who went. */
  #take([, set, at, part, came, went]: Fields, nodeId: string): void {
    const [name, number] = [String(set), Number(at)];
    if (
      !Array.isArray(came) || !came.every(isConnectionInfo) ||
      !Array.isArray(went) || !(number > 0)
    ) throw new TypeError("it is no list of connections");
    const watch = this.#watches.get(name);
    if (!watch) {
      // Its node has not heard yet that this one does not watch any more.
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

  /** A node has ended, or crashed: its connections are gone. */
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
