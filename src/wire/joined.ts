/**
 * The outcome of a subscription or of joining a room.
 *
 * @module
 */

/** Whether messages of the whole cluster arrive, or for now only those of this node. */
export interface Joined {
  /** `false` while the adapter is down or slow. The node keeps trying to become live. */
  readonly live: boolean;
  /** For a kept topic that went on from a position: `false` when messages after it may be missing. */
  readonly resumed?: boolean;
  /** For a kept topic: how many messages follow that were published before. */
  readonly replayed?: number;
}
