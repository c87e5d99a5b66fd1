/**
 * Where calls are counted, and the observer is told.
 *
 * @module
 */
import { PendingCall } from "../calls/pending_call.ts";
import type { Core } from "../context.ts";
import type { Observer } from "./observer.ts";
import type { Session } from "../connection/session.ts";
import type { CallKind } from "./call_stats.ts";

/** Starts a call. */
export function begin(
  session: Session,
  id: number,
  kind: CallKind,
  entry: { readonly block: string; readonly name: string } | undefined,
): PendingCall {
  const { core, handle } = session;
  const tally = core.tallies.of(kind, entry);
  const call = new PendingCall(id, tally);
  if (core.settings.observer) {
    const seen = { kind, entry: tally.entry, conn: handle, call };
    call.seen = seen;
    observe(core, "onRequestStart", (it) => it.onRequestStart?.(seen));
  }
  return call;
}

/** Counts how a call ended; what follows the first end is none. */
export function finish(
  { core }: Session,
  call: PendingCall,
  outcome: string,
  error?: unknown,
): void {
  const { tally, seen } = call;
  if (!tally) return;
  call.tally = undefined;
  const how = call.abandoned ? "cancelled" : outcome;
  const durationMs = performance.now() - call.startedAt;
  tally.add(how, durationMs);
  if (!seen) return;
  const end = {
    outcome: how,
    durationMs,
    ...(error !== undefined && { error }),
  };
  observe(core, "onRequestEnd", (it) => it.onRequestEnd?.(seen, end));
}

/** Tells the observer, where there is one. */
export function observe(
  core: Core,
  name: keyof Observer,
  tell: (observer: Observer) => void,
): void {
  const { observer } = core.settings;
  if (observer) core.hook(name, "hook", () => tell(observer));
}
