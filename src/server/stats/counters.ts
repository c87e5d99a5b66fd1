/**
 * What a server counts.
 *
 * @module
 */
import { CloseCode } from "../../wire/close_codes.ts";
import type { AdapterStatus, RelayCounters } from "../fanout/relay.ts";
import type { CallStats } from "./call_stats.ts";

/**
 * Why a handshake ended without a connection: the limit that it hit, or
 *
 * - `admit`: the option `admit` said so, threw, or returned a promise
 * - `unimplemented`: `implement` was not called yet
 * - `request`: its target and `Host` make no URL
 * - `path`, `upgrade`, `protocol`: it was for another path, for no WebSocket, or offered no subprotocol of ours
 * - `closing`: the server closes
 * - `origin`: a page of another site, or `origins` threw
 * - `unauthorized`, `forbidden`, `unavailable`: `authenticate` said so
 * - `expired`: `authenticate` returned an `expiresAt` that has passed
 * - `failed`: `authenticate` failed, or returned what the contract does not have
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

/** The limits that refuse a call and keep the connection. */
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

/** Totals since the server was made. What is counted by name has a bounded number of names. */
export interface Counters {
  /** Connections that became ready or tried to. */
  accepted: number;
  /** Handshakes that ended without a connection. */
  refused: number;
  /** The same by reason. */
  refusals: Record<Refusal, number>;
  /** Connections that ended, by close code; codes that are not ours are `other`. */
  closes: Record<string, number>;
  /** Frames that came in, heartbeats left out. */
  framesIn: number;
  /** Heartbeats that came in: the texts `ping` and `pong`. They count against `framesPerSecond`. */
  heartbeats: number;
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
  /** Server events of other nodes that were refused, once a listener; the first of each event is reported. */
  refusedServerEvents: number;
  /** Calls refused by a limit. */
  limited: number;
  /** The same by the option that limits. */
  limits: Record<CallLimit, number>;
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
  };
}

/** Counts a call that a limit refused. */
export function countLimit(counters: Counters, limit: CallLimit): void {
  counters.limited++;
  counters.limits[limit]++;
}

/** Counts the end of a connection. */
export function countClose({ closes }: Counters, code: number): void {
  const name = OUR_CODES.has(code) ? String(code) : "other"; // a peer may send any of 1000 to 4999
  closes[name] = (closes[name] ?? 0) + 1;
}

const OUR_CODES: ReadonlySet<number> = new Set(Object.values(CloseCode));

/** How the node hears the others. */
export interface AdapterStats {
  /** Whether the adapter reaches its broker. */
  readonly state: AdapterStatus["state"];
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /**
   * How long the last envelope took that this node sent and heard itself, in milliseconds; longer when one is overdue.
   * Left out until there was one: nothing extra is sent to find out.
   */
  readonly lagMs?: number;
}

/** What a server counts: totals since it was made, and what is there now. */
export interface Stats extends Counters {
  /** Open connections. */
  readonly connections: number;
  /** The same by role. */
  readonly roles: Readonly<Record<string, number>>;
  /** Requests, signals and subscriptions by entry and outcome, those that were ever called. */
  readonly calls: readonly CallStats[];
  /** How the node hears the others. */
  readonly adapter: AdapterStats;
  /** Envelopes sent to and taken from other nodes. */
  readonly relay: Readonly<RelayCounters>;
  /**
   * The size of every internal collection. All are 0 when the last connection and listener are gone, but `sequences`
   * in a cluster: the numbers of channels that were sent to are forgotten after a minute or two unused.
   */
  readonly sizes: Readonly<Record<string, number>>;
}
