/**
 * The presence store: an optional part of seam 2.
 *
 * @module
 */

/** A change of one member of this node. */
export interface PresenceChange {
  /** The member's id, unique on its node. */
  readonly id: string;
  /** The member's new text; `undefined` when the member left. */
  readonly text: string | undefined;
  /** The sets that the member is in, including those that it was in before. */
  readonly sets: readonly string[];
  /** The sets that the member left; all of its sets when it left altogether. */
  readonly left: readonly string[];
}

/** One member, as every node reads it. */
export interface PresenceEntry {
  /** The node that wrote the member. */
  readonly nodeId: string;
  /** The member's id. */
  readonly id: string;
  /** The member's text. */
  readonly text: string;
}

/**
 * Who is connected: each node writes its own members and reads those of all nodes. The store holds a text for each
 * member, and sets of members, such as rooms.
 *
 * - **P1** When a `write` has resolved, every node reads all of it. Calls of one node take effect in order.
 * - **P2** A write is atomic and states the result, so that repeating it changes nothing.
 * - **P3** Members of a node that neither writes nor renews for `ttlMs` are gone within twice that time, and leave
 *   nothing behind.
 * - **P4** When the last member of a node is gone, all its data is gone.
 * - **P5** Counting transfers numbers only.
 * - **P6** Without the broker every call rejects in bounded time. When the broker comes back without its data, the node
 *   writes its members again.
 */
export interface PresenceStore {
  /**
   * Writes changes, each of them atomically and at least a thousand in one step, and renews the node's members.
   *
   * @param changes At most one for each member
   * @param ttlMs How long members stay without another `write` or `renew`, in milliseconds; the same on all nodes
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached; the write may have happened
   * nevertheless
   */
  write(changes: readonly PresenceChange[], ttlMs: number): Promise<void>;
  /**
   * Renews the members of this node for `ttlMs` from now.
   *
   * @returns The number of members stored; fewer than written if the broker has lost some
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  renew(ttlMs: number): Promise<number>;
  /**
   * Removes all members of this node.
   *
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  clear(): Promise<void>;
  /**
   * Counts members by node. Nodes without any may be left out.
   *
   * @param set The set to count; all members if left out
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  counts(set?: string): Promise<Map<string, number>>;
  /**
   * Lists members. A member that joins or leaves during the call may be in the list or not; no member is in it twice.
   *
   * @param set The set to list; all members if left out
   * @throws {SocketError} UNAVAILABLE, as a rejection, when the broker cannot be reached
   */
  list(set?: string): Promise<PresenceEntry[]>;
}
