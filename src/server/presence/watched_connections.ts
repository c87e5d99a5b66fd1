/**
 * The other side of `cluster.watch`: this node's connections that somebody watches.
 *
 * @module
 */
import { infoOf } from "./query.ts";
import { inParts, messageOf } from "../cluster/node_messages.ts";
import type { PresenceHost } from "./host.ts";
import type { Fields } from "../../wire/protocol.ts";
import type { Session } from "../connection/session.ts";

/** One node that watches one set. */
interface Watcher {
  readonly nodeId: string;
  readonly set: string;
  /** The number of the last message, so that the node notices one that is lost. */
  at: number;
}

/** Tells the nodes that watch a set of this node's connections in it. */
export class WatchedConnections {
  readonly #core: PresenceHost;
  readonly #here: (message: Fields) => void;
  /** By set; the empty one is all connections. */
  readonly #watchers = new Map<string, Map<string, Watcher>>();
  /** Which sets a connection was told to be in. */
  readonly #told = new Map<Session, Set<string>>();
  readonly #changed = new Set<Session>();

  /**
   * @param here Takes what this node tells itself
   */
  constructor(core: PresenceHost, here: (message: Fields) => void) {
    this.#core = core;
    this.#here = here;
    const { messages, directory } = core.reach;
    messages.on("watch", ([, set], nodeId) => {
      if (nodeId === core.nodeId) return;
      if (typeof set !== "string") throw new TypeError("it names no set");
      if (!directory.admits(nodeId)) {
        throw new TypeError("too many nodes are unknown");
      }
      this.watch(nodeId, set);
    });
    messages.on("unwatch", ([, set], nodeId) => {
      if (nodeId !== core.nodeId) this.unwatch(nodeId, String(set));
    });
  }

  /** How many sets are watched. */
  get size(): number {
    return this.#watchers.size;
  }

  /** A connection came, went, or is in other channels; told when the turn is over. */
  changed(session: Session): void {
    if (this.#watchers.size === 0) return;
    if (this.#changed.size === 0) queueMicrotask(() => this.#tellChanges());
    this.#changed.add(session);
  }

  /** A node watches a set, perhaps again: it is told who is there. */
  watch(nodeId: string, set: string): void {
    this.#tellChanges(); // to those who watched before, since what follows counts as told
    let watchers = this.#watchers.get(set);
    if (!watchers) this.#watchers.set(set, watchers = new Map());
    const watcher = watchers.get(nodeId) ?? { nodeId, set, at: 0 };
    watchers.set(nodeId, watcher);
    const there: string[] = [];
    for (const session of this.#core.sessions.values()) {
      if (!session.welcomed || !setsOf(session).includes(set)) continue;
      let told = this.#told.get(session);
      if (!told) this.#told.set(session, told = new Set());
      told.add(set);
      there.push(JSON.stringify(infoOf(this.#core, session)));
    }
    const parts = inParts(there);
    for (const [at, part] of parts.entries()) {
      const last = at === parts.length - 1;
      const name = at === 0 ? last ? "only" : "first" : last ? "last" : "next";
      this.#send(watcher, name, part, []);
    }
  }

  /** A node watches a set no more. */
  unwatch(nodeId: string, set: string): void {
    const watchers = this.#watchers.get(set);
    if (!watchers?.delete(nodeId) || watchers.size > 0) return;
    this.#watchers.delete(set);
    for (const [session, told] of this.#told) {
      if (told.delete(set) && told.size === 0) this.#told.delete(session);
    }
  }

  /** A node is gone. */
  lose(nodeId: string): void {
    for (const set of [...this.#watchers.keys()]) this.unwatch(nodeId, set);
  }

  /** Tells nobody any more. */
  close(): void {
    this.#watchers.clear();
    this.#told.clear();
    this.#changed.clear();
  }

  #tellChanges(): void {
    const news = new Map<string, { came: string[]; went: string[] }>();
    const newsOf = (set: string) => {
      const known = news.get(set) ?? { came: [], went: [] };
      news.set(set, known);
      return known;
    };
    for (const session of this.#changed) {
      const told = this.#told.get(session) ?? new Set();
      const sets = session.over ? [] : setsOf(session);
      const came = sets.filter((set) =>
        this.#watchers.has(set) && !told.has(set)
      );
      const info = came.length > 0
        ? JSON.stringify(infoOf(this.#core, session))
        : "";
      for (const set of told) {
        if (sets.includes(set)) continue;
        told.delete(set);
        newsOf(set).went.push(session.handle.id);
      }
      for (const set of came) {
        told.add(set);
        newsOf(set).came.push(info);
      }
      if (told.size > 0) this.#told.set(session, told);
      else this.#told.delete(session);
    }
    this.#changed.clear();
    for (const [set, { came, went }] of news) {
      for (const watcher of this.#watchers.get(set)?.values() ?? []) {
        for (const part of came.length > 0 ? inParts(came) : []) {
          this.#send(watcher, "change", part, []);
        }
        if (went.length > 0) this.#send(watcher, "change", [], went);
      }
    }
  }

  #send(
    watcher: Watcher,
    part: string,
    came: readonly string[],
    went: readonly string[],
  ): void {
    const { nodeId } = watcher;
    const head: Fields = ["members", watcher.set, ++watcher.at, part];
    if (nodeId === this.#core.nodeId) {
      const infos = came.map((text): unknown => JSON.parse(text));
      return this.#here([...head, infos, went]);
    }
    try {
      const lists = `[${came.join(",")}],${JSON.stringify(went)}`;
      this.#core.reach.messages.send(nodeId, messageOf(head, lists));
    } catch (error) {
      this.#core.report(error, { source: "output" }); // one `describe` larger than the adapter carries
    }
  }
}

/** What may be watched of a connection. */
function setsOf({ channels = [] }: Session): string[] {
  return ["", ...channels.map(({ name }) => name)];
}
