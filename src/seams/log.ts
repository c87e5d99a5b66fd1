/**
 * The logs of kept topics, in a broker: a part of seam 2 that an adapter may have or not.
 *
 * @module
 */
import type { Position } from "../wire/position.ts";

/** One message of a log. */
export interface LogEntry {
  /** Where it stands. */
  readonly position: Position;
  /** The payload as it was appended. */
  readonly payload: string;
}

/** How one message is kept. Every node passes the same `last` and `forMs` for one log. */
export interface AppendOptions {
  /** How many of the newest messages the log keeps at least, from 1 to 10 000. */
  readonly last: number;
  /** How long the message is kept, in milliseconds, from 1 000 to 86 400 000. */
  readonly forMs: number;
  /**
   * The application's own id of the message, at most 256 characters: a second append of the same id to the same log
   * stores nothing while the first one is kept.
   */
  readonly id?: string;
}

/** What became of an append. */
export type Appended =
  | {
    /** The message is in the log, and was pushed to all nodes that are subscribed to the channel. */
    readonly kept: true;
    /** Where it stands; for a repeated id where the first one stands. */
    readonly position: Position;
    /** `true` when a message of the same id was there, so that nothing was stored or pushed. */
    readonly repeated: boolean;
  }
  | {
    /** `false`: the message is not in the log and will not be. `"unknown"`: it may be in the log, or still come into it. */
    readonly kept: false | "unknown";
    /** Why. */
    readonly cause: unknown;
  };

/** What a read found. */
export interface LogRead {
  /** Messages in the order of the log. */
  readonly entries: readonly LogEntry[];
  /** The position of the newest message when the log was read, or of the mark that stands for an empty log. */
  readonly head: Position;
  /** `false` when messages after the given position may be missing; `entries` is empty then. */
  readonly whole: boolean;
}

/**
 * The logs of kept topics: one a channel, bounded in number and time. Nodes append to a log, read from it, and are
 * pushed what others append: an adapter passes each push to `AdapterHost.appended`, on channels that the node has
 * subscribed to with `Adapter.subscribe`. The log of a channel and what is published on it with `Adapter.publish` have
 * nothing to do with each other.
 *
 * A position consists of an epoch, a number and a writer's tag, see `PositionParts`. In one epoch numbers are
 * contiguous: the message after number 7 has number 8. Everything else follows from that.
 *
 * - **L1** All nodes are pushed and read the same messages of a log in one order, however many nodes append at the same
 *   time. What one node appends to one log stands there in the order of the calls.
 * - **L2** A node that has subscribed and reads afterwards gets every message of the log that was kept after the read's
 *   `head` as a push. Reply and push travel separately: a push may bring what was read already, and it may come before or
 *   after the reply of the read or of the append that it belongs to.
 * - **L3** Pushes of one epoch come in the order of their numbers, own messages included, none twice. A number that is
 *   missing between two pushes was lost; `AdapterHost.lost` tells of losses that no number can show.
 * - **L4** A read after a position is whole only when the log holds the message at that position, with the same tag, and
 *   all messages after it. Trimmed, expired, evicted or flushed messages, a position of another epoch or log and one from
 *   the future are `whole: false`. The newest `last` messages that are not older than `forMs` are never trimmed. A position
 *   where nothing is missing stays good for a day after the last append, however old its own message is.
 * - **L5** A log begins a new epoch whenever continuity cannot be shown: it is new, has expired or was flushed; the
 *   broker restarted or failed over; or an append of the same node was not kept before, or is unknown. No name of an
 *   epoch is used twice.
 * - **L6** A message is stored once: the adapter's own retries never store it again, keep the order, and no attempt is
 *   carried out after its retry. A repeated `id` gives the position of the first message while that one is kept.
 * - **L7** `append` never throws and never rejects, and settles in bounded time, also without the broker. Appends wait in
 *   a bounded queue meanwhile. A message that was not pushed is not kept.
 * - **L8** Payloads of up to `maxPayloadBytes` come back unchanged, whatever characters they and the channel's name hold.
 * - **L9** Logs of two namespaces never meet.
 * - **L10** A log holds little more than `last` messages; no message older than `forMs` is read, and a log that nobody
 *   uses is gone within two days.
 */
export interface LogStore {
  /**
   * Stores a message and pushes it to all nodes that are subscribed, this one included, in one step.
   *
   * @returns What became of it; never rejects
   */
  append(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Promise<Appended>;
  /**
   * Reads the messages after a position, oldest first; without a position the newest ones, which may belong to earlier
   * epochs than `head` does.
   *
   * A log that has no message, or none that continues, gets a mark: its position is `head`, and reading after it is whole
   * as long as the mark is there. The mark is no message and is in no read.
   *
   * @param after The position; one that is not a position of this log is `whole: false`
   * @param limit The most messages, from 1. There may be fewer, though never none when there are some: unless the last one
   * is at `head`, read on from it.
   * @throws {SocketError} UNAVAILABLE, as a rejection in bounded time, when the broker cannot be reached
   */
  read(
    channel: string,
    after: Position | undefined,
    limit: number,
  ): Promise<LogRead>;
}
