/**
 * Subscriptions to topics: authorized one by one, ended at any moment.
 *
 * @module
 */
import { type CallsHost, notFound, type PendingCall } from "./pending_call.ts";
import { canonicalParams, type TopicElement } from "../../contract/params.ts";
import { topicChannel } from "../fanout/channels.ts";
import { addressOf, type TopicAddress } from "../topics/address.ts";
import { authorizeByTable } from "../topics/authorize.ts";
import type { KeptRequest } from "../topics/kept_topics.ts";
import type { Topic } from "../../contract/define.ts";
import { summary, validate } from "../../contract/schema.ts";
import { parsePosition } from "../../wire/position.ts";
import { countLimit } from "../stats/counters.ts";
import { isForCaller, SocketError } from "../../wire/errors.ts";
import { around } from "./middleware.ts";
import { quote } from "../../contract/names.ts";
import { plainFrame } from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";
import type { Session, Subscription } from "../connection/session.ts";

/**
 * Handles `sub`. A second one of the same topic shares the first one's outcome; of a kept topic it asks again where to
 * go on, under the same authorization.
 */
export function subscribe(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  element: TopicElement,
  options: unknown,
): void {
  const { name, params } = element;
  const topic = session.surface.topics.get(name);
  let address: TopicAddress;
  let request: KeptRequest | undefined;
  try {
    if (!topic) throw notFound(session, "topic", name);
    address = addressOf(topic, params, host.settings.limits.maxNameBytes);
    request = requestOf(topic, element.position, options);
  } catch (error) {
    return call.fail(error);
  }
  const known = session.subscriptions.get(address.channel);
  const subscription = known ?? begin(host, session, call, address);
  subscription.calls.add(call);
  subscription.outcome.then(
    (joined) => {
      if (!request) return call.reply(plainFrame("res", call.id, joined));
      const ended = session.subscriptions.get(address.channel) !== subscription;
      if (!ended) return catchUp(host, session, call, address, request);
      call.reply(plainFrame("res", call.id, { live: false }));
    },
  ).catch((error) => call.fail(error))
    .finally(() => subscription.calls.delete(call));
}

/** Brings a subscriber of a kept topic up to date; its call is answered before anything else is sent. */
async function catchUp(
  { kept, settings }: CallsHost,
  session: Session,
  call: PendingCall,
  address: TopicAddress,
  request: KeptRequest,
): Promise<void> {
  const { topic, params } = address;
  const { handle } = session;
  const snapshot = async () => {
    const make = kept.snapshots.get(topic);
    if (!make || !topic.snapshot) {
      throw new TypeError(
        `Cannot make a snapshot of ${
          quote(`${topic.block}.${topic.name}`)
        }: it has no function, must be given to srv.snapshot`,
      );
    }
    const value = await make(params, handle.ctx, handle);
    if (!settings.validateOutput) return value;
    const checked = await validate(topic.snapshot, value);
    if (checked.ok) return checked.value;
    throw new TypeError(
      `Cannot send the snapshot of ${
        quote(`${topic.block}.${topic.name}`)
      }: its schema refused it: ${summary(checked.issues)}`,
      { cause: { issues: checked.issues } },
    );
  };
  let answered = false;
  const answer = (joined: object) => {
    answered = true;
    call.reply(plainFrame("res", call.id, joined));
  };
  const attempt = kept.attach(address, session, request, answer, snapshot);
  try {
    await attempt.done;
  } catch (error) {
    session.subscriptions.get(address.channel)?.end();
    throw error;
  }
  if (!answered) call.reply(plainFrame("res", call.id, { live: false }));
}

/**
 * Reads how a subscriber wants to start.
 *
 * @returns `undefined` for a topic that is not kept
 * @throws {SocketError} BAD_REQUEST for a position that is none, and for other options than there are
 */
function requestOf(
  { name, keep, snapshot }: Topic,
  after: string | undefined,
  options: unknown,
): KeptRequest | undefined {
  const { replay, snapshot: asked = 0 } =
    (typeof options === "object" && options !== null ? options : {}) as Record<
      string,
      unknown
    >;
  const flaw = after !== undefined && (!keep || !parsePosition(after))
    ? "its position is none"
    : replay !== undefined &&
        !(Number.isInteger(replay) && keep && (replay as number) >= 1 &&
          (replay as number) <= keep.last)
    ? `replay must be a whole number from 1 to ${keep?.last ?? 0}`
    : asked !== 0 && asked !== 1 && asked !== 2
    ? "snapshot must be 0, 1 or 2"
    : undefined;
  if (flaw) {
    throw new SocketError(
      "BAD_REQUEST",
      `Cannot subscribe to ${quote(name)}: ${flaw}`,
    );
  }
  return keep && {
    after,
    replay: replay as number | undefined, // just checked
    snapshot: snapshot ? asked as 0 | 1 | 2 : 0, // just checked
  };
}

/** Handles `unsub`; of a topic that was not asked for it does nothing. */
export function unsubscribe(
  session: Session,
  { name, params }: TopicElement,
): void {
  const topic = session.surface.topics.get(name);
  if (!topic) return;
  const text = params && canonicalParams(params);
  const channel = topicChannel(topic.block, name, text);
  session.subscriptions.get(channel)?.end();
}

/** Takes up a subscription that was authorized before the node slept. */
export function resubscribe(
  { hub, kept, settings }: CallsHost,
  session: Session,
  element: TopicAddress["element"],
): void {
  const [name, params] = typeof element === "string" ? [element] : element;
  const topic = session.surface.topics.get(name);
  if (!topic) return;
  let address: TopicAddress;
  try {
    const given = params ?? undefined;
    address = addressOf(topic, given, settings.limits.maxNameBytes);
  } catch {
    return; // the contract is another one than before
  }
  const channelName = address.channel;
  // What came meanwhile may be missing, so the client of a kept topic is told to ask again.
  const outcome = topic.keep ? LIVE : hub.join(channelName, session);
  if (topic.keep) kept.tell(session, address);
  const subscription: Subscription = {
    element,
    outcome,
    calls: new Set(),
    end() {
      if (session.subscriptions.get(channelName) !== subscription) return;
      session.subscriptions.delete(channelName);
      leave({ hub, kept }, session, address);
    },
  };
  session.subscriptions.set(channelName, subscription);
}

const LIVE: Promise<Joined> = Promise.resolve({ live: true });

/** Ends a membership, also one that is being prepared. */
function leave(
  { hub, kept }: Pick<CallsHost, "hub" | "kept">,
  session: Session,
  { topic, channel: name }: TopicAddress,
): void {
  if (topic.keep) return kept.leave(name, session);
  const channel = hub.channel(name);
  if (channel) hub.leave(channel, session);
}

function begin(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  address: TopicAddress,
): Subscription {
  const { topic, params, channel, element } = address;
  const { handle } = session;
  const { name } = topic;
  let ended = false;
  let settle: (joined: Joined | Promise<Joined>) => void = () => {};
  let refuse: (error: unknown) => void = () => {};
  const outcome = new Promise<Joined>((resolve, reject) => {
    settle = resolve;
    refuse = reject;
  });
  const calls: Subscription["calls"] = new Set([call]);
  const subscription: Subscription = {
    element,
    outcome,
    calls,
    end() {
      if (ended) return;
      ended = true;
      if (session.subscriptions.get(channel) === subscription) {
        session.subscriptions.delete(channel);
      }
      leave(host, session, address);
      settle({ live: false });
    },
  };

  let joined: Promise<Joined> | undefined;
  const join = async () => {
    if (await allowed() !== true) {
      throw new SocketError(
        "FORBIDDEN",
        `Topic ${quote(name)} is not for this connection`,
      );
    }
    if ([...calls].every(({ abandoned }) => abandoned)) subscription.end();
    if (ended) return;
    // A subscriber of a kept topic becomes a member when it has caught up.
    joined = topic.keep ? LIVE : host.hub.join(channel, session);
  };
  const allowed = () => {
    const { authorizeSubscribe } = host.settings;
    if (!authorizeSubscribe) return true;
    return typeof authorizeSubscribe === "function"
      ? authorizeSubscribe(name, handle.ctx, handle, params)
      : authorizeByTable(authorizeSubscribe, topic, params, handle);
  };
  const admit = async () => {
    const { limits: { maxSubscriptions }, use } = host.settings;
    if (session.subscriptions.size > maxSubscriptions) {
      countLimit(host.counters, "maxSubscriptions");
      throw new SocketError(
        "RATE_LIMITED",
        `More than maxSubscriptions ${maxSubscriptions} topics, must be fewer`,
      );
    }
    const info = {
      kind: "subscribe",
      name,
      conn: handle as never,
      call,
      ...(params !== undefined && { params }),
    } as const;
    if (use.length === 0) await join();
    else await around(use, handle.ctx, info, join);
    if (joined) settle(joined); // only now: middleware may refuse after next() as well
  };

  session.subscriptions.set(channel, subscription);
  admit().catch((error) => {
    if (ended && !isForCaller(error)) call.report(error); // nobody waits for the outcome
    refuse(error);
    subscription.end();
  });
  return subscription;
}
