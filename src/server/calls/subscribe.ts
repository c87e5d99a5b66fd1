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
import { countLimit } from "../stats/counters.ts";
import { isForCaller, SocketError } from "../../wire/errors.ts";
import { around } from "./middleware.ts";
import { quote } from "../../contract/names.ts";
import { plainFrame } from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";
import type { Session, Subscription } from "../connection/session.ts";

/** Handles `sub`. A second one of the same topic shares the first one's outcome. */
export function subscribe(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  { name, params }: TopicElement,
): void {
  const topic = session.surface.topics.get(name);
  let address: TopicAddress;
  try {
    if (!topic) throw notFound(session, "topic", name);
    address = addressOf(topic, params, host.settings.limits.maxNameBytes);
  } catch (error) {
    return call.fail(error);
  }
  const known = session.subscriptions.get(address.channel);
  const subscription = known ?? begin(host, session, call, address);
  subscription.calls.add(call);
  subscription.outcome.then(
    (joined) => call.reply(plainFrame("res", call.id, joined)),
    (error) => call.fail(error),
  ).finally(() => subscription.calls.delete(call));
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
  { hub, settings }: CallsHost,
  session: Session,
  element: TopicAddress["element"],
): void {
  const [name, params] = typeof element === "string" ? [element] : element;
  const topic = session.surface.topics.get(name);
  if (!topic) return;
  let channelName: string;
  try {
    const given = params ?? undefined;
    channelName = addressOf(topic, given, settings.limits.maxNameBytes).channel;
  } catch {
    return; // the contract is another one than before
  }
  const outcome = hub.join(channelName, session);
  const subscription: Subscription = {
    element,
    outcome,
    calls: new Set(),
    end() {
      if (session.subscriptions.get(channelName) !== subscription) return;
      session.subscriptions.delete(channelName);
      const channel = hub.channel(channelName);
      if (channel) hub.leave(channel, session);
    },
  };
  session.subscriptions.set(channelName, subscription);
}

function begin(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  { topic, params, channel, element }: TopicAddress,
): Subscription {
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
      const live = host.hub.channel(channel);
      if (live) host.hub.leave(live, session);
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
    if (!ended) joined = host.hub.join(channel, session);
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
