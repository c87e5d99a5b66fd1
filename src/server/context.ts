/**
 * What the parts of one node share.
 *
 * @module
 */
import type { Call, Contract, Message } from "../contract/define.ts";
import type { Counters } from "./stats/counters.ts";
import type { Hub } from "./fanout/hub.ts";
import type { Handler } from "./handlers.ts";
import type { Limiter } from "../shared/token_bucket.ts";
import type { Login } from "./handshake/pending_login.ts";
import type { Codec } from "../wire/protocol.ts";
import type { Frame } from "../wire/protocol.ts";
import type { ErrorInfo, Settings } from "./options.ts";
import type { Lookouts } from "./presence/watch.ts";
import type { Reach } from "./cluster/reach.ts";
import type { Registry } from "./presence/registry.ts";
import type { ServerEvent } from "./cluster/server_events.ts";
import type { Session } from "./connection/session.ts";
import type { Tallies } from "./stats/call_stats.ts";
import type { Turn } from "./connection/flush_queue.ts";

/** What the parts of one node share. */
export interface Core {
  readonly nodeId: string;
  readonly contract: Contract;
  readonly codec: Codec;
  readonly settings: Settings;
  readonly hub: Hub;
  readonly reach: Reach;
  /** Who is connected, as the broker has it; `undefined` where nodes are asked. */
  readonly registry: Registry | undefined;
  readonly lookouts: Lookouts;
  readonly turn: Turn;
  readonly counters: Counters;
  readonly tallies: Tallies;
  /** Whether `implement` was called. */
  readonly implemented: boolean;
  /** Whether `close` was called. */
  readonly closing: boolean;
  /** The server events that were sent or listened to. */
  readonly serverEvents: Map<string, ServerEvent>;
  /** How many handshakes may still begin. */
  readonly admissions: Limiter;
  /** Handshakes between their request and their `hi`. */
  readonly pending: Set<Login>;
  /** Those that are open or opening, by id. */
  readonly sessions: Map<string, Session>;
  /** The handler of each entry; empty before `implement`. */
  readonly handlers: ReadonlyMap<Call, Handler>;
  /** Validates a payload and makes its frame. Throws when the schema refuses it. */
  encode(message: Message, data: unknown): Frame;
  /** The one exit for errors that no caller can be told of. Never throws. */
  report(error: unknown, info: ErrorInfo): void;
  /** Writes a line to the console, at most one a second: strangers can cause it. */
  warn(message: string): void;
  /** Runs a function of the application's; what it throws, now or later, is reported. */
  hook(name: string, source: ErrorInfo["source"], run: () => unknown): unknown;
  /** Looks after a session's deadlines, which are new. */
  watch(session: Session): void;
  /** A session that the application was told of came, went, or is in other channels. */
  changed(session: Session): void;
  /** A session has left everything. */
  ended(session: Session, code: number): void;
}
