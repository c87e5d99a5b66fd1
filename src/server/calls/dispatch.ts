/**
 * From a frame to its answer: look-up, limits, middleware, validation, handler, validation, reply.
 *
 * @module
 */
import {
  fail,
  free,
  MAX_ISSUES,
  notFound,
  plainIssue,
  reply,
  report,
  summary,
} from "./reply.ts";
import type { PendingCall } from "./pending_call.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import type { Call, Message } from "../../contract/define.ts";
import { countLimit } from "../stats/counters.ts";
import { isSocketError, SocketError } from "../../wire/errors.ts";
import { isPromiseLike, type Maybe } from "../../shared/thenable.ts";
import { around } from "./middleware.ts";
import { quote } from "../../contract/names.ts";
import {
  errorFrame,
  type Fields,
  type Frame,
  isAnswer,
  isId,
} from "../../wire/protocol.ts";
import { refreshLogin } from "./refresh.ts";
import {
  type Schema,
  validate,
  type Validated,
} from "../../contract/schema.ts";
import type { Session } from "../connection/session.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";
import type { CallKind } from "../stats/call_stats.ts";
import { begin, finish } from "../stats/observe.ts";

/** Handles one frame of a client. Never throws. */
export function dispatch(session: Session, fields: Fields): void {
  const [tag, first, second, third] = fields;
  switch (tag) {
    case "req":
      if (isId(first) && typeof second === "string") {
        return request(session, first, second, third);
      }
      break;
    case "sig":
      if (typeof first === "string") return signal(session, first, second);
      break;
    case "sub":
      if (isId(first) && typeof second === "string") {
        const topic = session.surface.topics.get(second);
        const call = open(session, first, "subscribe", topic);
        return call && subscribe(session, call, second);
      }
      break;
    case "unsub":
      if (typeof first === "string") return unsubscribe(session, first);
      break;
    case "cancel":
      if (isId(first)) {
        return session.calls.get(first)?.abandon(
          new SocketError("DISCONNECTED", "The caller cancelled"),
        );
      }
      break;
    case "res":
    case "err":
      if (isAnswer(fields)) return; // to a question that is no longer open
      break;
    case "auth":
      if (isId(first) && typeof second === "string") {
        const call = open(session, first, "refresh", undefined);
        return call && refreshLogin(session, call, second);
      }
      break;
    default:
      return session.malformed(
        `Cannot handle frame ${
          quote(tag)
        }: no such tag, must be one of superline.v1`,
      );
  }
  session.malformed(
    `Cannot handle frame ${
      quote(tag)
    }: a field is missing or of another type, must be as in superline.v1`,
  );
}

/** Opens a call, unless its id is in use or too many are. */
function open(
  session: Session,
  id: number,
  kind: CallKind,
  entry: Call | Message | undefined,
): PendingCall | undefined {
  const { calls } = session;
  const { settings, counters, codec } = session.core;
  if (calls.has(id)) {
    session.end(
      CloseCode.badProtocol,
      `id ${id} is unanswered, must be unique until then`,
    );
    return undefined;
  }
  if (calls.size >= settings.limits.maxInFlight) {
    countLimit(counters, "maxInFlight");
    const message =
      `More than maxInFlight ${settings.limits.maxInFlight} calls are unanswered, must be fewer`;
    session.outbox.reply(errorFrame(codec, id, "RATE_LIMITED", message));
    return undefined;
  }
  const call = begin(session, id, kind, entry);
  calls.set(id, call);
  return call;
}

function request(
  session: Session,
  id: number,
  name: string,
  raw: unknown,
): void {
  const known = session.surface.calls.get(name);
  const entry = known?.output ? known : undefined; // a signal is no request
  const call = open(session, id, "request", entry);
  if (!call) return;
  if (!entry?.output) {
    return fail(session, call, name, notFound(session, "request", name));
  }
  const { output } = entry;
  // Most are synchronous, so that functions for what comes later are made only when something does.
  let value: Maybe<unknown>;
  let later: boolean;
  try {
    value = run(session, entry, call, raw, "request");
    later = isPromiseLike(value); // what a handler returned may have a getter that throws
  } catch (error) {
    return fail(session, call, name, error);
  }
  if (!later) return answer(session, call, name, output, value);
  Promise.resolve(value).then(
    (value) => answer(session, call, name, output, value),
    (error) => fail(session, call, name, error),
  );
}

/** Validates what a handler returned, and sends it. */
function answer(
  session: Session,
  call: PendingCall,
  name: string,
  output: Schema,
  value: unknown,
): void {
  if (call.abandoned) return free(session, call);
  let checked: Validated | Promise<Validated>;
  try {
    checked = session.core.settings.validateOutput
      ? validate(output, value)
      : { ok: true, value };
  } catch (error) {
    return fail(session, call, name, error);
  }
  if (!(checked instanceof Promise)) {
    return succeed(session, call, name, checked);
  }
  checked.then(
    (checked) => succeed(session, call, name, checked),
    (error) => fail(session, call, name, error),
  );
}

function signal(session: Session, name: string, raw: unknown): void {
  const { counters, settings } = session.core;
  const entry = session.surface.calls.get(name);
  if (!entry || entry.output) return void counters.refusedSignals++;
  if (session.signals.size >= settings.limits.maxInFlight) {
    countLimit(counters, "maxInFlight");
    counters.refusedSignals++;
    return;
  }
  const call = begin(session, 0, "signal", entry);
  session.signals.add(call);
  settle(
    () => run(session, entry, call, raw, "signal"),
    () => {
      session.signals.delete(call);
      session.freed();
      counters.signals++;
      finish(session, call, "ok");
    },
    (error) => {
      session.signals.delete(call);
      session.freed();
      counters.refusedSignals++;
      const expected = isSocketError(error);
      if (!expected) report(session, name, error);
      finish(session, call, expected ? error.code : "INTERNAL", error);
    },
  );
}

/** Middleware, input, handler. */
function run(
  session: Session,
  entry: Call,
  call: PendingCall,
  raw: unknown,
  kind: "request" | "signal",
): Maybe<unknown> {
  const { use } = session.core.settings;
  if (use.length === 0) return handle(session, entry, call, raw);
  return around(use, session.handle.ctx, {
    kind,
    name: entry.name,
    conn: session.handle as never,
    call,
  }, () => handle(session, entry, call, raw));
}

/** Input, handler. */
function handle(
  session: Session,
  entry: Call,
  call: PendingCall,
  raw: unknown,
): Maybe<unknown> {
  const checked = readInput(session, entry, raw);
  return checked instanceof Promise
    ? checked.then((checked) => handleChecked(session, entry, call, checked))
    : handleChecked(session, entry, call, checked);
}

function handleChecked(
  session: Session,
  entry: Call,
  call: PendingCall,
  input: Validated,
): Maybe<unknown> {
  if (!input.ok) {
    throw new SocketError(
      "VALIDATION",
      `The input of ${quote(entry.name)} was refused: ${summary(input.issues)}`,
      {
        issues: input.issues.slice(0, MAX_ISSUES).map(plainIssue),
      },
    );
  }
  if (session.over) {
    throw new SocketError("DISCONNECTED", "The client has gone");
  }
  const { core, handle } = session;
  return core.handlers.get(entry)?.(input.value, handle.ctx, handle, call);
}

function readInput(
  session: Session,
  entry: Call,
  raw: unknown,
): Validated | Promise<Validated> {
  let value: unknown;
  try {
    value = session.core.codec.payload(raw);
  } catch (cause) {
    throw new SocketError(
      "VALIDATION",
      `Cannot read the input of ${quote(entry.name)}`,
      undefined,
      { cause },
    );
  }
  return validate(entry.input, value);
}

function succeed(
  session: Session,
  call: PendingCall,
  name: string,
  answer: Validated,
): void {
  const { core } = session;
  if (!answer.ok) {
    const cause = { issues: answer.issues };
    const error = new TypeError(
      `Cannot answer ${quote(name)}: the output's schema refused it: ${
        summary(answer.issues)
      }`,
      { cause },
    );
    return fail(session, call, name, error);
  }
  if (call.abandoned || session.over) return free(session, call);
  let frame: Frame;
  try {
    frame = core.codec.frame(["res", call.id], answer.value);
  } catch (error) {
    return fail(session, call, name, error);
  }
  core.counters.requests++;
  reply(session, call, frame);
}

/** Runs what may throw or return a promise, and goes on with its outcome. A synchronous one is not awaited. */
function settle<T>(
  start: () => Maybe<T>,
  ok: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  let value: Maybe<T>;
  let later: boolean;
  try {
    value = start();
    later = isPromiseLike(value); // what a handler returned may have a getter that throws
  } catch (error) {
    return failed(error);
  }
  if (later) Promise.resolve(value).then(ok, failed);
  else ok(value as T); // just checked
}
