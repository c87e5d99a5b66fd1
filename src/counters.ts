/**
 * What a server counts.
 *
 * @module
 */

/** Totals since the server was made. */
export interface Counters {
  /** Connections that became ready or tried to. */
  accepted: number;
  /** Handshakes that ended without a connection. */
  refused: number;
  /** Frames that came in, heartbeats left out. */
  framesIn: number;
  /** Frames handed to sockets. */
  framesOut: number;
  /** Frames and batches that could not be read or understood. */
  malformed: number;
  /** Requests that were answered with their output. */
  requests: number;
  /** Requests and subscriptions that were answered with an error. */
  failures: number;
  /** Signals that reached their handler's end. */
  signals: number;
  /** Signals that were refused or failed; their sender is not told. */
  refusedSignals: number;
  /** Calls refused by a limit: in flight, subscriptions, frames a second. */
  limited: number;
  /** Events and topic messages dropped because a reader was too slow. */
  dropped: number;
  /** Errors that went to `onError`. */
  errors: number;
}

/** Counters at zero. */
export function createCounters(): Counters {
  return {
    accepted: 0,
    refused: 0,
    framesIn: 0,
    framesOut: 0,
    malformed: 0,
    requests: 0,
    failures: 0,
    signals: 0,
    refusedSignals: 0,
    limited: 0,
    dropped: 0,
    errors: 0,
  };
}
