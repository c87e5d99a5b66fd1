/**
 * The other side of `cluster.watch`: sends this node's connections to the nodes that watch them.
 *
 * @module
 */
import { infoOf } from "./query.ts";
import { inParts, messageOf } from "../cluster/node_messages.ts";
import type { PresenceHost } from "./host.ts";
import type { Fields } from "../../wire/protocol.ts";
import type { Session } from "../connection/session.ts";

/** A node that watches a set. */
interface Watcher {
  readonly nodeId: string;
  readonly set: string;
  /** The number of the last message, so that the node detects a lost one. */
  at: number;
  /** When the node last confirmed its watch, in milliseconds since the epoch. */
  saidAt: number;
}

/** How often a node confirms its watches and checks what it has received, in milliseconds. */
export const CHECK_MS = 30_000;
/** After how long an unconfirmed watch ends, in milliseconds. */
const LEASE_MS = 3 * CHECK_MS;

/** Sends this node's connections to the nodes that watch a set that they are in. */
export class WatchedConnections {
  readonly #host: PresenceHost;
  readonly #here: (message: Fields) => void;
  /** By set; the empty one is all connections. */
  readonly #watchers = new Map<string, Map<string, Watcher>>();
  /** The sets in which a connection was announced. */
  readonly #announced = new Map<Session, Set<string>>();
  readonly #changed = new Set<Session>();

  /**
   * @param here Handles the messages to this node itself
   */
  constructor(host: PresenceHost, here: (message: Fields) => void) {
    this.#host = host;
    this.#here = here;
    const { messages, directory } = host.reach;
    messages.on("watch", ([, set, known], nodeId) => {
      if (nodeId === host.nodeId) return;
      if (typeof set !== "string") throw new TypeError("it names no set");
      if (!directory.admits(nodeId)) {
        throw new TypeError("too many nodes are unknown");
      }
      const mine = Array.isArray(known)
        ? known.find((it) => Array.isArray(it) && it[0] === host.nodeId)
        : undefined;
      if (!mine || !this.#isKnown(nodeId, set, mine)) this.watch(nodeId, set);
    });
    messages.on("unwatch", ([, set], nodeId) => {
      if (nodeId !== host.nodeId) this.unwatch(nodeId, String(set));
    });
  }

  /** The number of watched sets. */
  get size(): number {
    this.#endLapsed();
    return this.#watchers.size;
  }

  /** A connection came, left, or is in other channels. Sent at the end of the turn. */
  changed(session: Session): void {
    if (this.#watchers.size === 0) return;
    if (this.#changed.size === 0) queueMicrotask(() => this.#sendChanges());
    this.#changed.add(session);
  }

  /** A node watches a set, perhaps again: sends it all connections in the set. */
  watch(nodeId: string, set: string): void {
    this.#sendChanges(); // to the nodes that watched before, since the list that follows includes these changes
    let watchers = this.#watchers.get(set);
    if (!watchers) this.#watchers.set(set, watchers = new Map());
    const saidAt = Date.now();
    const watcher = watchers.get(nodeId) ?? { nodeId, set, at: 0, saidAt };
    watcher.saidAt = saidAt;
    watchers.set(nodeId, watcher);
    const there: string[] = [];
    for (const session of this.#host.sessions.values()) {
      if (!session.welcomed || !setsOf(session).includes(set)) continue;
      let announced = this.#announced.get(session);
      if (!announced) this.#announced.set(session, announced = new Set());
      announced.add(set);
      there.push(JSON.stringify(infoOf(this.#host, session)));
    }
    const parts = inParts(there);
    for (const [at, part] of parts.entries()) {
      const last = at === parts.length - 1;
      const name = at === 0 ? last ? "only" : "first" : last ? "last" : "next";
      this.#send(watcher, name, part, []);
    }
  }

  /** Tells whether a node has received everything: the last message, and as many connections. */
  #isKnown(nodeId: string, set: string, [, at, size]: unknown[]): boolean {
    const watcher = this.#watchers.get(set)?.get(nodeId);
    if (!watcher || watcher.at !== at) return false;
    watcher.saidAt = Date.now();
    let announced = 0;
    for (const sets of this.#announced.values()) if (sets.has(set)) announced++;
    return announced === size;
  }

  /** A node no longer watches a set. */
  unwatch(nodeId: string, set: string): void {
    const watchers = this.#watchers.get(set);
    if (!watchers?.delete(nodeId) || watchers.size > 0) return;
    this.#watchers.delete(set);
    for (const [session, announced] of this.#announced) {
      if (announced.delete(set) && announced.size === 0) {
        this.#announced.delete(session);
      }
    }
  }

  /** A node is gone. */
  lose(nodeId: string): void {
    for (const set of [...this.#watchers.keys()]) this.unwatch(nodeId, set);
  }

  /** Ends all watches. */
  close(): void {
    this.#watchers.clear();
    this.#announced.clear();
    this.#changed.clear();
  }

  /**
   * Ends watches that other nodes have not confirmed: their "unwatch" was lost, or they never watched. Checked on use:
   * a timer would keep a node awake that may sleep.
   */
  #endLapsed(): void {
    const before = Date.now() - LEASE_MS;
    for (const [set, watchers] of [...this.#watchers]) {
      for (const { nodeId, saidAt } of [...watchers.values()]) {
        if (nodeId !== this.#host.nodeId && saidAt < before) {
          this.unwatch(nodeId, set);
        }
      }
    }
  }

  #sendChanges(): void {
    const news = new Map<string, { came: string[]; went: string[] }>();
    const newsOf = (set: string) => {
      const known = news.get(set) ?? { came: [], went: [] };
      news.set(set, known);
      return known;
    };
    for (const session of this.#changed) {
      const announced = this.#announced.get(session) ?? new Set();
      const sets = session.over ? [] : setsOf(session);
      const came = sets.filter((set) =>
        this.#watchers.has(set) && !announced.has(set)
      );
      const info = came.length > 0
        ? JSON.stringify(infoOf(this.#host, session))
        : "";
      for (const set of announced) {
        if (sets.includes(set)) continue;
        announced.delete(set);
        newsOf(set).went.push(session.handle.id);
      }
      for (const set of came) {
        announced.add(set);
        newsOf(set).came.push(info);
      }
      if (announced.size > 0) this.#announced.set(session, announced);
      else this.#announced.delete(session);
    }
    this.#changed.clear();
    this.#endLapsed();
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
    if (nodeId === this.#host.nodeId) {
      const infos = came.map((text): unknown => JSON.parse(text));
      return this.#here([...head, infos, went]);
    }
    try {
      const lists = `[${came.join(",")}],${JSON.stringify(went)}`;
      this.#host.reach.messages.send(nodeId, messageOf(head, lists));
    } catch (error) {
      this.#host.report(error, { source: "output" }); // the result of one `describe` exceeds the adapter's limit
    }
  }
}

/** The sets that a connection is in. */
function setsOf({ channels = [] }: Session): string[] {
  return ["", ...channels.map(({ name }) => name)];
}
