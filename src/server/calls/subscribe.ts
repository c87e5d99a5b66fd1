/**
 * Subscriptions to topics: authorized one by one, ended at any moment.
 *
 * @module
 */
import { type CallsHost, notFound, type PendingCall } from "./pending_call.ts";
import { topicChannel } from "../fanout/channels.ts";
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
  name: string,
): void {
  const known = session.subscriptions.get(name);
  const subscription = known ?? begin(host, session, call, name);
  subscription.calls.add(call);
  subscription.outcome.then(
    (joined) => call.reply(plainFrame("res", call.id, joined)),
    (error) => call.fail(error),
  ).finally(() => subscription.calls.delete(call));
}

/** Handles `unsub`; of a topic that was not asked for it does nothing. */
export function unsubscribe(session: Session, name: string): void {
  session.subscriptions.get(name)?.end();
}

/** Takes up a subscription that was authorized before the node slept. */
export function resubscribe(
  { hub }: CallsHost,
  session: Session,
  name: string,
): void {
  const topic = session.surface.topics.get(name);
  if (!topic) return;
  const channelName = topicChannel(topic.block, name);
  const outcome = hub.join(channelName, session);
  const subscription: Subscription = {
    outcome,
    calls: new Set(),
    end() {
      if (session.subscriptions.get(name) !== subscription) return;
      session.subscriptions.delete(name);
      const channel = hub.channel(channelName);
      if (channel) hub.leave(channel, session);
    },
  };
  session.subscriptions.set(name, subscription);
}

function begin(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  name: string,
): Subscription {
  const { handle } = session;
  let ended = false;
  let settle: (joined: Joined | Promise<Joined>) => void = () => {};
  let refuse: (error: unknown) => void = () => {};
  const outcome = new Promise<Joined>((resolve, reject) => {
    settle = resolve;
    refuse = reject;
  });
  const topic = session.surface.topics.get(name);
  const channel = topicChannel(topic?.block ?? "", name);
  const calls: Subscription["calls"] = new Set([call]);
  const subscription: Subscription = {
    outcome,
    calls,
    end() {
      if (ended) return;
      ended = true;
      if (session.subscriptions.get(name) === subscription) {
        session.subscriptions.delete(name);
      }
      const live = host.hub.channel(channel);
      if (live) host.hub.leave(live, session);
      settle({ live: false });
    },
  };

  let joined: Promise<Joined> | undefined;
  const join = async () => {
    const { authorizeSubscribe } = host.settings;
    if (
      authorizeSubscribe &&
      await authorizeSubscribe(name, handle.ctx, handle) !== true
    ) {
      throw new SocketError(
        "FORBIDDEN",
        `Topic ${quote(name)} is not for this connection`,
      );
    }
    if ([...calls].every(({ abandoned }) => abandoned)) subscription.end();
    if (!ended) joined = host.hub.join(channel, session);
  };
  const admit = async () => {
    if (!topic) throw notFound(session, "topic", name);
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
    } as const;
    if (use.length === 0) await join();
    else await around(use, handle.ctx, info, join);
    if (joined) settle(joined); // only now: middleware may refuse after next() as well
  };

  session.subscriptions.set(name, subscription);
  admit().catch((error) => {
    if (ended && !isForCaller(error)) call.report(error); // nobody waits for the outcome
    refuse(error);
    subscription.end();
  });
  return subscription;
}
