/**
 * A call under way, and how it ends: with its output, or with an error that its caller may see.
 *
 * @module
 */
import type { Session } from "../connection/session.ts";
import { type Call, LIBRARY_CODES } from "../../contract/define.ts";
import { type Schema, summary, validateSync } from "../../contract/schema.ts";
import type { AuthResult, ContractDefinition } from "../../contract/types.ts";
import { quote } from "../../contract/names.ts";
import type { Hub } from "../fanout/hub.ts";
import type {
  CallKind,
  CallStatsTable,
  EntryStats,
} from "../stats/call_stats.ts";
import {
  observe,
  type ObservedCall,
  type StatsHost,
} from "../stats/observer.ts";
import type { KeptTopics } from "../topics/kept_topics.ts";
import type { AnyAuthorize } from "../topics/authorize.ts";
import type { AnyConnection } from "../types/connection.ts";
import type { CallInfo, Handler, Middleware } from "../types/handlers.ts";
import { isForCaller, SocketError } from "../../wire/errors.ts";
import { type Codec, errorFrame, type Frame } from "../../wire/protocol.ts";

/** What calls need of their server. */
export interface CallsHost extends StatsHost {
  readonly codec: Codec;
  readonly hub: Hub<Session>;
  readonly kept: KeptTopics<Session>;
  readonly callStats: CallStatsTable;
  /** The handler of each entry; empty before `implement`. */
  readonly handlers: ReadonlyMap<Call, Handler>;
  readonly settings: StatsHost["settings"] & {
    readonly limits: {
      readonly maxInFlight: number;
      readonly maxSubscriptions: number;
      readonly maxNameBytes: number;
    };
    readonly use: readonly Middleware[];
    readonly validateOutput: boolean;
    readonly authorizeSubscribe?: AnyAuthorize;
    refresh?(
      token: string,
      conn: AnyConnection,
      info: { readonly signal: AbortSignal },
    ):
      | Pick<AuthResult<ContractDefinition>, "role" | "expiresAt">
      | Promise<Pick<AuthResult<ContractDefinition>, "role" | "expiresAt">>;
  };
}

/** A request, signal, subscription or refresh between its frame and its answer. */
export class PendingCall implements CallInfo {
  readonly id: number;
  readonly #host: CallsHost;
  readonly #session: Session;
  readonly #name: string;
  readonly #startedAt: number = performance.now();
  /** Where its end is to be counted; `undefined` when it has been. */
  #stats: EntryStats | undefined;
  /** What the observer was told of it. */
  readonly #observed: ObservedCall | undefined;
  readonly #errors: Call["errors"];
  #controller: AbortController | undefined;
  #abandoned: Error | undefined;
  /** Set by what answers with a stream: see `OpenCall`. */
  more?: (items: unknown) => string | undefined;
  interrupt?: (error: SocketError) => void;
  /** Called once, when nobody waits any more. */
  onAbandon?: () => void;

  /**
   * Starts a call.
   *
   * @param id The caller's number for it, 0 for a signal
   * @param name What was called, for errors
   * @param entry What the contract has of that name, if it has
   */
  constructor(
    host: CallsHost,
    session: Session,
    id: number,
    kind: CallKind,
    name: string,
    entry:
      | { readonly block: string; readonly name: string } & Pick<Call, "errors">
      | undefined,
  ) {
    this.#host = host;
    this.#session = session;
    this.id = id;
    this.#name = name;
    this.#errors = entry?.errors;
    const stats = host.callStats.of(kind, entry);
    this.#stats = stats;
    if (!host.settings.observer) return;
    const { handle: conn } = session;
    const observed = { kind, entry: stats.entry, conn, call: this };
    this.#observed = observed;
    observe(host, "onRequestStart", (it) => it.onRequestStart?.(observed));
  }

  /** Whether nobody waits for the answer any more. */
  get abandoned(): boolean {
    return this.#abandoned !== undefined;
  }

  /** Most handlers never read it, so it is made when one does. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abandoned) this.#controller.abort(this.#abandoned);
    return this.#controller.signal;
  }

  /** Nobody waits any more: aborts the signal. */
  abandon(reason: Error): void {
    if (this.#abandoned) return;
    this.#abandoned = reason;
    this.#controller?.abort(reason);
    this.onAbandon?.();
  }

  /** Makes a failure that the entry declares. */
  error(code: string, data: unknown, message?: string): SocketError {
    return new SocketError(code, message, data);
  }

  /** Sends the answer, unless nobody waits for it, and frees the id when it is handed over. */
  reply(frame: Frame): void {
    if (this.abandoned || this.#session.over) return this.drop();
    this.finish("ok"); // unless it failed
    const { outbox } = this.#session;
    if (outbox.held) return outbox.reply(frame, () => this.#free());
    outbox.reply(frame);
    this.#free();
  }

  /** Sends an error as the answer. Errors that are not for callers are reported. */
  fail(given: unknown): void {
    const error = this.#errors ? this.#declared(given, this.#errors) : given;
    this.#host.counters.failures++;
    this.failed(error);
    this.reply(this.#errorFrame(error));
  }

  /** Counts an error as the end; one that is not for callers is reported. */
  failed(error: unknown): void {
    const expected = isForCaller(error);
    if (!expected) this.report(error);
    this.finish(expected ? error.code : "INTERNAL", error);
  }

  /** Ends without an answer, since nobody waits for one. */
  drop(): void {
    this.finish("cancelled"); // unless it failed
    this.#free();
  }

  /** Counts the end; only the first one counts. */
  finish(outcome: string, error?: unknown): void {
    const tally = this.#stats;
    if (!tally) return;
    this.#stats = undefined;
    const how = this.abandoned ? "cancelled" : outcome;
    const durationMs = performance.now() - this.#startedAt;
    tally.add(how, durationMs);
    const observed = this.#observed;
    if (!observed) return;
    const end = {
      outcome: how,
      durationMs,
      ...(error !== undefined && { error }),
    };
    observe(
      this.#host,
      "onRequestEnd",
      (it) => it.onRequestEnd?.(observed, end),
    );
  }

  /** Reports an error of the application's function that was called. */
  report(error: unknown): void {
    this.#host.report(error, {
      source: "handler",
      name: this.#name,
      connectionId: this.#session.handle.id,
    });
  }

  #free(): void {
    const { calls } = this.#session;
    if (calls.get(this.id) === this) calls.delete(this.id); // a streamed answer may be freed twice
    this.#session.freed();
  }

  /** What a call with declared errors fails with: one of those, its data valid, or one with a code of the library's. */
  #declared(
    error: unknown,
    errors: ReadonlyMap<string, Schema>,
  ): unknown {
    if (!isForCaller(error) || LIBRARY_CODES.has(error.code)) return error;
    const { code, message, data } = error;
    const schema = errors.get(code);
    if (!schema) {
      return new TypeError(
        `Cannot fail with ${quote(code)}: ${
          quote(this.#name)
        } declares no such error, must be one of its errors`,
        { cause: error },
      );
    }
    try {
      const checked = validateSync(schema, data, code, "the data of error ");
      if (checked.ok) return new SocketError(code, message, checked.value);
      return new TypeError(
        `Cannot fail with ${quote(code)}: its schema refused the data: ${
          summary(checked.issues)
        }`,
        { cause: { issues: checked.issues } },
      );
    } catch (failure) {
      return failure; // the schema threw, or is asynchronous
    }
  }

  #errorFrame(error: unknown): Frame {
    const { codec } = this.#host;
    if (isForCaller(error)) {
      try {
        return errorFrame(
          codec,
          this.id,
          error.code,
          error.message,
          error.data,
        );
      } catch (cause) {
        this.report(cause); // its data cannot be sent
        return errorFrame(codec, this.id, error.code, error.message);
      }
    }
    return errorFrame(codec, this.id, "INTERNAL", "The server failed");
  }
}

/** The error for a name that is outside what the role sees. */
export function notFound(
  { handle: { role } }: Session,
  kind: string,
  name: string,
): SocketError {
  return new SocketError(
    "NOT_FOUND",
    `Role ${quote(role)} has no ${kind} ${quote(name)}`,
  );
}
