/**
 * The counters of a server, and what `srv.stats()` returns.
 *
 * @module
 */
import { CloseCode } from "../../wire/close_codes.ts";
import type { AdapterStatus, RelayCounters } from "../fanout/relay.ts";
import type { CallStats } from "./call_stats.ts";

/**
 * Why a handshake was refused: the limit that it hit, or
 *
 * - `admit`: the option `admit` refused it, threw, or returned a promise
 * - `unimplemented`: `implement` was not called yet
 * - `request`: its target and `Host` make no URL
 * - `path`, `upgrade`, `protocol`: another path, not a WebSocket upgrade, or no supported subprotocol
 * - `closing`: the server is closing
 * - `origin`: a page of another site, or `origins` threw
 * - `unauthorized`, `forbidden`, `unavailable`: `authenticate` refused it
 * - `expired`: `authenticate` returned an `expiresAt` in the past
 * - `failed`: `authenticate` failed, or returned something that the contract does not have
 */
export type Refusal =
  | "unimplemented"
  | "request"
  | "path"
  | "upgrade"
  | "protocol"
  | "closing"
  | "origin"
  | "admit"
  | "handshakesPerSecond"
  | "maxPendingHandshakes"
  | "maxClosing"
  | "authTimeoutMs"
  | "unauthorized"
  | "forbidden"
  | "unavailable"
  | "expired"
  | "failed";

const REFUSALS: Readonly<Record<Refusal, number>> = {
  unimplemented: 0,
  request: 0,
  path: 0,
  upgrade: 0,
  protocol: 0,
  closing: 0,
  origin: 0,
  admit: 0,
  handshakesPerSecond: 0,
  maxPendingHandshakes: 0,
  maxClosing: 0,
  authTimeoutMs: 0,
  unauthorized: 0,
  forbidden: 0,
  unavailable: 0,
  expired: 0,
  failed: 0,
};

/** The limits that refuse a call and keep the connection open. */
export type CallLimit =
  | "framesPerSecond"
  | "bytesPerSecond"
  | "maxDepth"
  | "maxInFlight"
  | "maxSubscriptions"
  | "maxRooms";

const CALL_LIMITS: Readonly<Record<CallLimit, number>> = {
  framesPerSecond: 0,
  bytesPerSecond: 0,
  maxDepth: 0,
  maxInFlight: 0,
  maxSubscriptions: 0,
  maxRooms: 0,
};

/** What happened to kept topics. */
export interface TopicCounters {
  /** Messages of this node that were kept. */
  kept: number;
  /** Messages of this node that were not kept. */
  notKept: number;
  /** Messages of this node of which is not known whether they were kept. */
  unknown: number;
  /** Subscriptions that went on without a gap. */
  resumed: number;
  /** Subscriptions that were told of a gap. */
  gaps: number;
  /** The same by cause: the position is of another epoch or log, or the messages after it are no longer kept. */
  gapCauses: { epoch: number; trimmed: number };
  /** Messages that were sent again to subscribers that came back. */
  replayed: number;
  /** Snapshots that were made. */
  snapshots: number;
  /** Reads of logs. */
  reads: number;
  /** Times that somebody needed no read of its own, since another one's would do. */
  sharedReads: number;
  /** Pushes that were found to be missing, and were read. */
  holes: number;
  /** Times that this node could not show that nothing is missing, and told all members of a channel. */
  breaks: number;
}

/** Totals since the server was created. Counters by name have a bounded number of names. */
export interface Counters {
  /** Connections that were accepted. */
  accepted: number;
  /** Handshakes that were refused. */
  refused: number;
  /** Refused handshakes by reason. */
  refusals: Record<Refusal, number>;
  /** Closed connections by close code; codes that the protocol does not define are `other`. */
  closes: Record<string, number>;
  /** Received frames, without heartbeats. */
  framesIn: number;
  /** Received heartbeats: the texts `ping` and `pong`. They count against `framesPerSecond`. */
  heartbeats: number;
  /** Frames passed to sockets. */
  framesOut: number;
  /** Frames and batches that could not be parsed. */
  malformed: number;
  /** Requests that were answered with their output. */
  requests: number;
  /** Requests and subscriptions that were answered with an error. */
  failures: number;
  /** Signals whose handler completed. */
  signals: number;
  /** Signals that were refused or failed; their sender is not notified. */
  refusedSignals: number;
  /** Server events of other nodes that were refused, once for each listener; the first of each event is reported. */
  refusedServerEvents: number;
  /** Calls refused by a limit. */
  limited: number;
  /** Refused calls by the limit. */
  limits: Record<CallLimit, number>;
  /** Events and topic messages dropped because a reader was too slow. */
  dropped: number;
  /** Errors passed to `onError`. */
  errors: number;
  /** What happened to kept topics. */
  topics: TopicCounters;
}

/** Creates counters at zero. */
export function createCounters(): Counters {
  return {
    accepted: 0,
    refused: 0,
    refusals: { ...REFUSALS },
    closes: {},
    framesIn: 0,
    heartbeats: 0,
    framesOut: 0,
    malformed: 0,
    requests: 0,
    failures: 0,
    signals: 0,
    refusedSignals: 0,
    refusedServerEvents: 0,
    limited: 0,
    limits: { ...CALL_LIMITS },
    dropped: 0,
    errors: 0,
    topics: {
      kept: 0,
      notKept: 0,
      unknown: 0,
      resumed: 0,
      gaps: 0,
      gapCauses: { epoch: 0, trimmed: 0 },
      replayed: 0,
      snapshots: 0,
      reads: 0,
      sharedReads: 0,
      holes: 0,
      breaks: 0,
    },
  };
}

/** Counts a call that a limit refused. */
export function countLimit(counters: Counters, limit: CallLimit): void {
  counters.limited++;
  counters.limits[limit]++;
}

/** Counts a closed connection. */
export function countClose({ closes }: Counters, code: number): void {
  const name = OUR_CODES.has(code) ? String(code) : "other"; // a peer may send any code from 1000 to 4999
  closes[name] = (closes[name] ?? 0) + 1;
}

const OUR_CODES: ReadonlySet<number> = new Set(Object.values(CloseCode));

/** The state of the connection to other nodes. */
export interface AdapterStats {
  /** Whether the adapter reaches its broker. */
  readonly state: AdapterStatus["state"];
  /**
   * How long the last own envelope took through the broker and back, in milliseconds; more if one is overdue. Absent
   * before the first one: nothing is sent for the measurement.
   */
  readonly since: number;
  /** What `srv.stats()` returns: totals since the server was created, and current sizes. */
  readonly lagMs?: number;
}

/** What a server counts: totals since it was made, and what is there now. */
export interface Stats extends Counters {
  /** Open connections by role. */
  readonly connections: number;
  /** Requests, signals and subscriptions that were called, by entry and outcome. */
  readonly roles: Readonly<Record<string, number>>;
  /** The state of the connection to other nodes. */
  readonly calls: readonly CallStats[];
  /** Envelopes sent to and received from other nodes. */
  readonly adapter: AdapterStats;
  /** Envelopes sent to and taken from other nodes. */
  readonly relay: Readonly<RelayCounters>;
  /**
   * The sizes of all internal collections. All are 0 when the last connection and listener are gone, except `sequences`
   * in a cluster: the numbers of channels are removed after a minute or two without use.
   */
  readonly sizes: Readonly<Record<string, number>>;
}
