/**
 * What an observer is told, such as for tracing.
 *
 * @module
 */
import type { Counters, Refusal } from "./counters.ts";
import type { CallInfo } from "../types/handlers.ts";
import type { AnyConnection } from "../types/connection.ts";
import type { CallKind } from "./call_stats.ts";

/** One call, the same object from its start to its end. */
export interface ObservedCall {
  /** What was called. */
  readonly kind: CallKind;
  /** The block and name, such as `shared.say`; empty for what the role does not have. */
  readonly entry: string;
  /** Who calls. */
  readonly conn: AnyConnection;
  /** The call, as middleware and the handler get it. */
  readonly call: CallInfo;
}

/** How a call ended. */
export interface CallEnd {
  /** `ok`, `cancelled`, or an error's code. */
  readonly outcome: string;
  /** From its frame to its answer, in milliseconds. */
  readonly durationMs: number;
  /** What it failed with; it may hold what its caller is not told. */
  readonly error?: unknown;
}

/** One message to many. */
export interface Publication {
  /** What it went to. */
  readonly kind: "room" | "topic" | "user" | "role" | "serverEvent";
  /** The block and name, such as `shared.said`; of a server event the name. */
  readonly entry: string;
  /** The room's name. */
  readonly room?: string;
}

/**
 * Is told what happens on a node; each member may be left out. Without an observer nothing is made for it.
 *
 * It is called in line, so it has to be quick. What it throws goes to `onError` and changes nothing.
 */
export interface Observer {
  /** A connection was let in: once each. */
  onConnection?(conn: AnyConnection): void;
  /** A connection is over: once each. */
  onDisconnect?(conn: AnyConnection, code: number): void;
  /** A handshake was refused. */
  onRefusal?(reason: Refusal): void;
  /** A call came, before middleware and validation. */
  onRequestStart?(call: ObservedCall): void;
  /** It ended: once for each start, but for a handler that never settles. */
  onRequestEnd?(call: ObservedCall, end: CallEnd): void;
  /** This node sent a message to a room, a topic, a user, a role or the other nodes. */
  onPublish?(publication: Publication): void;
  /** Messages to a slow reader were dropped. */
  onDrop?(conn: AnyConnection, count: number): void;
}

/** Where an error came from that nobody could be told of. */
export interface ErrorInfo {
  /** What ran: a handler, a hook of the options, an outbound payload's schema, the adapter, a listener of a server event. */
  readonly source:
    | "handler"
    | "hook"
    | "output"
    | "adapter"
    | "serverEvent"
    | "internal";
  /** The entry's or hook's name. */
  readonly name?: string;
  /** The id of the connection it was about. */
  readonly connectionId?: string;
}

/** What the parts of a server report through. */
export interface StatsHost {
  readonly counters: Counters;
  readonly settings: {
    /** Where there is none, nothing is made for it. */
    readonly observer?: Observer;
  };
  /** The one exit for errors that no caller can be told of. Never throws. */
  report(error: unknown, info: ErrorInfo): void;
  /** Runs a function of the application's; what it throws, now or later, is reported. */
  hook(name: string, source: ErrorInfo["source"], run: () => unknown): unknown;
}

/** Tells the observer, where there is one. */
export function observe(
  host: StatsHost,
  name: keyof Observer,
  call: (observer: Observer) => void,
): void {
  const { observer } = host.settings;
  if (observer) host.hook(name, "hook", () => call(observer));
}
