/**
 * What passed between a node and the others, counted.
 *
 * @module
 */

/** What the relay has seen, in envelopes or payloads. */
export interface RelayCounters {
  /** Sent to other nodes. */
  published: number;
  /** Taken from other nodes. */
  received: number;
  /** Seen before, or older than one that was. */
  repeated: number;
  /** Numbers that never came. */
  missed: number;
  /** Payloads that no node of ours sent. */
  foreign: number;
  /** Payloads that the adapter gave up on. */
  dropped: number;
  /** Sent to and taken from all nodes by the directory of nodes; the others leave them out. */
  directory: number;
}

/** All at 0. */
export function createRelayCounters(): RelayCounters {
  return {
    published: 0,
    received: 0,
    repeated: 0,
    missed: 0,
    foreign: 0,
    dropped: 0,
    directory: 0,
  };
}
