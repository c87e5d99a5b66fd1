/**
 * How a call ends: with its output, or with an error that its caller may see.
 *
 * @module
 */
import type { PendingCall } from "./pending_call.ts";
import { isSocketError, SocketError } from "../../wire/errors.ts";
import { quote } from "../../contract/names.ts";
import { errorFrame, type Frame } from "../../wire/protocol.ts";
import type { Issue } from "../../contract/schema.ts";
import type { Session } from "../connection/session.ts";
import { finish } from "../stats/observe.ts";

/** Sends an error as the answer of a call, and frees its id. Errors that are not for callers are reported. */
export function fail(
  session: Session,
  call: PendingCall,
  name: string,
  error: unknown,
): void {
  const { core } = session;
  core.counters.failures++;
  const expected = isSocketError(error);
  if (!expected) report(session, name, error);
  finish(session, call, expected ? error.code : "INTERNAL", error);
  reply(session, call, errorOf(session, call.id, name, error));
}

/** Sends the answer of a call, unless nobody waits for it, and frees its id when it is handed over. */
export function reply(session: Session, call: PendingCall, frame: Frame): void {
  if (call.abandoned || session.over) return free(session, call);
  finish(session, call, "ok"); // unless it failed
  const { outbox } = session;
  if (outbox.held) return outbox.reply(frame, () => free(session, call));
  outbox.reply(frame);
  free(session, call);
}

/** Frees the id of a call that needs no answer. */
export function free(session: Session, call: PendingCall): void {
  finish(session, call, "cancelled"); // unless it was answered
  session.calls.delete(call.id);
  session.freed();
}

function errorOf(
  session: Session,
  id: number,
  name: string,
  error: unknown,
): Frame {
  const { codec } = session.core;
  if (isSocketError(error)) {
    try {
      return errorFrame(codec, id, error.code, error.message, error.data);
    } catch (cause) {
      report(session, name, cause); // its data cannot be sent
      return errorFrame(codec, id, error.code, error.message);
    }
  }
  return errorFrame(codec, id, "INTERNAL", "The server failed");
}

/** Reports an error of a handler. */
export function report(session: Session, name: string, error: unknown): void {
  session.core.report(error, {
    source: "handler",
    name,
    connectionId: session.handle.id,
  });
}

/** The error for a name that is outside what the role sees. */
export function notFound(
  session: Session,
  kind: string,
  name: string,
): SocketError {
  return new SocketError(
    "NOT_FOUND",
    `Role ${quote(session.handle.role)} has no ${kind} ${quote(name)}`,
  );
}

/** The first issue in words. */
export function summary(issues: readonly Issue[]): string {
  const [issue] = issues;
  const path = issue && plainIssue(issue).path.join(".");
  const more = issues.length > 1 ? ` and ${issues.length - 1} more` : "";
  return `${path ? `${path}: ` : ""}${
    issue?.message ?? "no reason given"
  }${more}`;
}

/** How many issues are told: an input of a megabyte may have a hundred thousand. */
export const MAX_ISSUES = 20;

/** An issue as it crosses the wire. */
export function plainIssue(
  { message, path = [] }: Issue,
): { message: string; path: (string | number)[] } {
  const keys = path.map((part) => typeof part === "object" ? part.key : part);
  return {
    message,
    path: keys.map((key) => typeof key === "number" ? key : String(key)),
  };
}
