/**
 * What `srv.stats()` gives.
 *
 * @module
 */
import type { Counters } from "./counters.ts";
import type { AdapterStatus } from "../fanout/relay.ts";
import type { RelayCounters } from "./relay_counters.ts";
import type { CallStats } from "./call_stats.ts";

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
