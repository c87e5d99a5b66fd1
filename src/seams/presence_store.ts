/**
 * The registry of who is connected, in a broker: the part of seam 2 that an adapter may have or not.
 *
 * @module
 */

/** What is new about one member of this node. */
export interface PresenceChange {
  /** The member's id, unique on its node. */
  readonly id: string;
  /** What is told of it, instead of what was; `undefined` when it is gone. */
  readonly text: string | undefined;
  /** The sets that it is in, those it was in before included or not. */
  readonly sets: readonly string[];
  /** The sets that it is in no more; when it is gone all that it was in. */
  readonly left: readonly string[];
}

/** One member, as any node reads it. */
export interface PresenceEntry {
  /** The node that wrote it. */
  readonly nodeId: string;
  /** Its id. */
  readonly id: string;
  /** What is told of it. */
  readonly text: string;
}

/**
 * Who is there: each node writes of its own, and reads of all. It holds texts by id, and the ids in sets, such as rooms.
 *
 * - **P1** What a `write` resolved for, every node reads, whole. Calls of one node take effect in order.
 * - **P2** A write is done or not, and says what is so: doing it again changes nothing.
 * - **P3** What a node neither writes nor renews for `ttlMs` is gone within twice that, and nothing of it is left.
 * - **P4** With the last member of a node all that stood for it is gone.
 * - **P5** Counting moves numbers only.
 * - **P6** Without the broker every call rejects in bounded time; when the broker is back without what it held, the
 *   node writes it again.
 */
export interface PresenceStore {
  /**
   * Writes what is new, each change wholly or not at all and at least a thousand in one step, and renews what the node
   * has.
   *
   * @param changes At most one a member
   * @param ttlMs How long it is there without another `write` or `renew`, in milliseconds; the same on all nodes
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached: it may be done all the same
   */
  write(changes: readonly PresenceChange[], ttlMs: number): Promise<void>;
  /**
   * Keeps what this node has for `ttlMs` from now.
   *
   * @returns How many members it has: fewer than it wrote when the broker has lost some
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  renew(ttlMs: number): Promise<number>;
  /**
   * Forgets all that this node has.
   *
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  clear(): Promise<void>;
  /**
   * Counts by node; nodes without any may be left out.
   *
   * @param set Of which set; all members when left out
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  counts(set?: string): Promise<Map<string, number>>;
  /**
   * Lists members. One that comes or goes meanwhile may be there or not; none is there twice.
   *
   * @param set Of which set; all members when left out
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  list(set?: string): Promise<PresenceEntry[]>;
}
