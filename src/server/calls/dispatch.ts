/**
 * From a frame to its answer: look-up, limits, middleware, validation, handler, validation, reply.
 *
 * @module
 */
import { type CallsHost, notFound, PendingCall } from "./pending_call.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import type { Call, Message, Question } from "../../contract/define.ts";
import { countLimit } from "../stats/counters.ts";
import { SocketError } from "../../wire/errors.ts";
import { isPromiseLike, type MaybePromise } from "../../shared/thenable.ts";
import { around } from "./middleware.ts";
import { quote } from "../../contract/names.ts";
import { readTopic, type TopicElement } from "../../contract/params.ts";
import {
  errorFrame,
  type Fields,
  type Frame,
  isAnswer,
  isId,
} from "../../wire/protocol.ts";
import { refreshLogin } from "./refresh.ts";
import {
  MAX_ISSUES,
  plainIssue,
  type Schema,
  schemaError,
  summary,
  validate,
  type Validated,
} from "../../contract/schema.ts";
import type { Session } from "../connection/session.ts";
import { openStream } from "./stream.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";
import type { CallKind } from "../stats/call_stats.ts";

/**
 * Handles one frame of a client. Never throws.
 *
 * @returns What is wrong with the frame, if it is none of the protocol's
 */
export function dispatch(
  host: CallsHost,
  session: Session,
  fields: Fields,
): string | undefined {
  const [tag, first, second, third] = fields;
  let element: TopicElement | undefined;
  switch (tag) {
    case "req":
      if (isId(first) && typeof second === "string") {
        return void request(host, session, first, second, third);
      }
      break;
    case "sig":
      if (typeof first === "string") {
        return void signal(host, session, first, second);
      }
      break;
    case "sub":
      element = readTopic(second);
      if (isId(first) && element) {
        const { name } = element;
        const topic = session.surface.topics.get(name);
        const call = open(host, session, first, "subscribe", name, topic);
        return void (call && subscribe(host, session, call, element, third));
      }
      break;
    case "unsub":
      element = readTopic(first);
      if (element) return void unsubscribe(session, element);
      break;
    case "cancel":
      if (isId(first)) {
        return void session.calls.get(first)?.abandon(
          new SocketError("DISCONNECTED", "The caller cancelled"),
        );
      }
      break;
    case "more":
      if (isId(first) && isId(second)) return undefined; // to a stream that is over
      break;
    case "res":
    case "err":
      if (isAnswer(fields)) return undefined; // to a question that is no longer open
      break;
    case "auth":
      if (isId(first) && typeof second === "string") {
        const call = open(host, session, first, "refresh", "refresh");
        return void (call && refreshLogin(host, session, call, second));
      }
      break;
    default:
      return `Cannot handle frame ${
        quote(tag)
      }: no such tag, must be one of superline.v1`;
  }
  return `Cannot handle frame ${
    quote(tag)
  }: a field is missing or of another type, must be as in superline.v1`;
}

/** Opens a call, unless its id is in use or too many are. */
function open(
  host: CallsHost,
  session: Session,
  id: number,
  kind: CallKind,
  name: string,
  entry?: Call | Message,
): PendingCall | undefined {
  const { calls } = session;
  const { settings, counters, codec } = host;
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
  const call = new PendingCall(host, session, id, kind, name, entry);
  calls.set(id, call);
  return call;
}

function request(
  host: CallsHost,
  session: Session,
  id: number,
  name: string,
  raw: unknown,
): void {
  const known = session.surface.calls.get(name);
  const entry = known?.output ? known : undefined; // a signal is no request
  const call = open(host, session, id, "request", name, entry);
  if (!call) return;
  if (!entry?.output) return call.fail(notFound(session, "request", name));
  // Most are synchronous, so that functions for what comes later are made only when something does.
  let value: MaybePromise<unknown>;
  let later: boolean;
  try {
    value = run(host, session, entry, call, raw, "request");
    later = isPromiseLike(value); // what a handler returned may have a getter that throws
  } catch (error) {
    return call.fail(error);
  }
  const asked = entry as Question; // its output was just seen
  if (!later) return respond(host, session, call, asked, value);
  Promise.resolve(value).then(
    (value) => respond(host, session, call, asked, value),
    (error) => call.fail(error),
  );
}

/** Answers with what a handler returned: at once, or item by item. */
function respond(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  { name, output, yields }: Question,
  value: unknown,
): void {
  if (!yields) return answer(host, call, name, output, value);
  openStream(
    host,
    session,
    call,
    { name, yields },
    value,
    (result) => answer(host, call, name, output, result),
  );
}

/** Validates what a handler returned, and sends it. */
function answer(
  host: CallsHost,
  call: PendingCall,
  name: string,
  output: Schema,
  value: unknown,
): void {
  if (call.abandoned) return call.drop();
  let checked: Validated | Promise<Validated>;
  try {
    checked = host.settings.validateOutput
      ? validate(output, value)
      : { ok: true, value };
  } catch (error) {
    return call.fail(error);
  }
  if (!(checked instanceof Promise)) return succeed(host, call, name, checked);
  checked.then(
    (checked) => succeed(host, call, name, checked),
    (error) => call.fail(error),
  );
}

function signal(
  host: CallsHost,
  session: Session,
  name: string,
  raw: unknown,
): void {
  const { counters, settings } = host;
  const entry = session.surface.calls.get(name);
  if (!entry || entry.output) return void counters.refusedSignals++;
  if (session.signals.size >= settings.limits.maxInFlight) {
    countLimit(counters, "maxInFlight");
    counters.refusedSignals++;
    return;
  }
  const call = new PendingCall(host, session, 0, "signal", name, entry);
  session.signals.add(call);
  settle(
    () => run(host, session, entry, call, raw, "signal"),
    () => {
      session.signals.delete(call);
      session.freed();
      counters.signals++;
      call.finish("ok");
    },
    (error) => {
      session.signals.delete(call);
      session.freed();
      counters.refusedSignals++;
      call.failed(error);
    },
  );
}

/** Middleware, input, handler. */
function run(
  host: CallsHost,
  session: Session,
  entry: Call,
  call: PendingCall,
  raw: unknown,
  kind: "request" | "signal",
): MaybePromise<unknown> {
  const { use } = host.settings;
  if (use.length === 0) return handle(host, session, entry, call, raw);
  return around(use, session.handle.ctx, {
    kind,
    name: entry.name,
    conn: session.handle as never,
    call,
  }, () => handle(host, session, entry, call, raw));
}

/** Input, handler. */
function handle(
  host: CallsHost,
  session: Session,
  entry: Call,
  call: PendingCall,
  raw: unknown,
): MaybePromise<unknown> {
  const checked = readInput(host, entry, raw);
  return checked instanceof Promise
    ? checked.then((checked) =>
      handleChecked(host, session, entry, call, checked)
    )
    : handleChecked(host, session, entry, call, checked);
}

function handleChecked(
  host: CallsHost,
  session: Session,
  entry: Call,
  call: PendingCall,
  input: Validated,
): MaybePromise<unknown> {
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
  const { handle } = session;
  return host.handlers.get(entry)?.(input.value, handle.ctx, handle, call);
}

function readInput(
  host: CallsHost,
  entry: Call,
  raw: unknown,
): Validated | Promise<Validated> {
  let value: unknown;
  try {
    value = host.codec.payload(raw);
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
  host: CallsHost,
  call: PendingCall,
  name: string,
  answer: Validated,
): void {
  if (!answer.ok) {
    return call.fail(schemaError("answer", name, "the output", answer.issues));
  }
  if (call.abandoned) return call.drop();
  let frame: Frame;
  try {
    frame = host.codec.frame(["res", call.id], answer.value);
  } catch (error) {
    return call.fail(error);
  }
  host.counters.requests++;
  call.reply(frame);
}

/** Runs what may throw or return a promise, and goes on with its outcome. A synchronous one is not awaited. */
function settle<T>(
  start: () => MaybePromise<T>,
  ok: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  let value: MaybePromise<T>;
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
