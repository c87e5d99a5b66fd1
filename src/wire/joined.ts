/**
 * What a client is told when it has subscribed, and a server when a member has joined a room.
 *
 * @module
 */

/** Whether the whole cluster is heard, or for now this node alone. */
export interface Joined {
  /** `false` while the adapter is down or too slow; the node then makes it live later. */
  readonly live: boolean;
}
