/**
 * The topics that a client subscribes to.
 *
 * @module
 */
import { SocketError } from "../wire/errors.ts";
import type { Joined } from "../wire/joined.ts";
import { createOff } from "../wire/off.ts";
import type { Calls, CallsHost } from "./calls.ts";
import { createDeferred, type Deferred } from "../shared/deferred.ts";
import type { Subscription } from "./types.ts";

/** How long to wait when a subscription hit a limit, in milliseconds. */
const RETRY_MS = 1_000;
/** After how many retries a limit counts as permanent, such as `maxSubscriptions`. */
const MAX_RETRIES = 5;

/** One call of `subscribe`. No function throws. */
export interface Wanted {
  readonly fn: (payload: never) => void;
  readonly failed: (error: unknown) => void;
  /** Called when messages may be missing. */
  readonly gap: () => void;
  readonly onSnapshot: ((snapshot: never) => void) | undefined;
  readonly after: string | undefined;
  readonly replay: number | undefined;
  /** Delivers the last value to this listener only. */
  readonly late: (raw: unknown) => void;
}

interface Listener extends Wanted {
  readonly ready: Deferred<Joined>;
}

/** One topic with its parameters. */
export interface Topic {
  readonly listeners: Set<Listener>;
  /** How much of the topic is kept; absent if it is not a kept topic. */
  readonly keep: { readonly last: number } | undefined;
  /** The position of a kept topic: after the last message whose listeners have run. */
  position?: string | undefined;
  /** The last value as it was received, for later listeners. */
  value?: { readonly raw: unknown };
  /** A listener wants a snapshot that was added after the last `sub`. */
  late?: boolean;
  /** The answer to `sub`. */
  joined?: Joined | undefined;
  /** The latest `sub` of the topic. */
  id: number;
  retry?: ReturnType<typeof setTimeout>;
  /** How often in a row a limit was hit. */
  failures: number;
}

/** What topics need of their client. */
export interface TopicsHost extends CallsHost {
  /** Tells whether the server has a feature; called while the connection is open. */
  can(feature: string): boolean;
}

/** The topics of one client. */
export class Topics {
  readonly #host: TopicsHost;
  readonly #calls: Calls;
  /** By their text in frames. */
  readonly #topics = new Map<string, Topic>();
  #ended: SocketError | undefined;

  constructor(host: TopicsHost, calls: Calls) {
    this.#host = host;
    this.#calls = calls;
  }

  /** Adds a listener to a topic, and subscribes for the first one. */
  add(text: string, keep: Topic["keep"], wanted: Wanted): Subscription {
    const ready = createDeferred<Joined>(); // a rejection that is not awaited is fine: a refusal goes to onError as well
    const listener: Listener = { ...wanted, ready };
    const { after, replay, onSnapshot, late } = wanted;
    if (this.#ended) ready.reject(this.#ended);
    const known = this.#topics.get(text);
    if (known && (after ?? replay) !== undefined) {
      throw new TypeError(
        `Cannot subscribe to ${text} with after or replay: it is subscribed already`,
      );
    }
    const topic: Topic = known ??
      { listeners: new Set(), keep, position: after, id: 0, failures: 0 };
    const { joined, value } = topic;
    if (joined) ready.resolve(joined);
    topic.listeners.add(listener);
    if (!known) this.#topics.set(text, topic);
    if (!known || onSnapshot && !topic.late) {
      if (known) topic.late = true;
      if (this.#host.open) this.#ask(text, topic);
    }
    if (joined && value) {
      queueMicrotask(() => topic.listeners.has(listener) && late(value.raw));
    }
    const off = createOff(() => {
      if (!topic.listeners.delete(listener)) return;
      ready.resolve({ live: false });
      if (topic.listeners.size > 0 || this.#topics.get(text) !== topic) return;
      this.#topics.delete(text);
      clearTimeout(topic.retry);
      this.#calls.withdraw(topic.id);
      if (this.#host.open) this.#host.send(`["unsub",${text}]`);
    });
    return Object.defineProperties(off, {
      ready: { value: ready.promise },
      position: { get: () => topic.position },
    }) as Subscription; // the two members that an Off has not
  }

  /**
   * Finds the topic of a message.
   *
   * @param position The position of the message, if its topic is kept
   * @returns `undefined` for a message that must not be delivered: it was delivered before, or earlier messages are
   * missing, which are requested
   */
  find(text: string, position: string | undefined): Topic | undefined {
    const topic = this.#topics.get(text);
    if (!topic || position === undefined) return topic;
    if (!topic.joined) return undefined; // from before the latest `sub`
    const [epoch, n] = position.split(".");
    const [lastEpoch, last = ""] = topic.position?.split(".") ?? [];
    const behind = Number(n) - Number(last);
    if (epoch === lastEpoch && behind <= 0) return undefined;
    if (topic.keep?.last === 1 || epoch === lastEpoch && behind === 1) {
      return topic;
    }
    this.#ask(text, topic);
    return undefined;
  }

  /** Subscribes again from the position of each topic: messages may be missing in one of them, or in any. */
  lost(text?: string): void {
    for (const [own, topic] of this.#topics) {
      if (topic.keep && topic.joined && (text ?? own) === own) {
        this.#ask(own, topic);
      }
    }
  }

  /** Subscribes to all topics again on a new connection. */
  resume(): void {
    for (const [text, topic] of this.#topics) this.#ask(text, topic);
  }

  /** Ends all subscriptions. */
  end(reason: SocketError): void {
    this.#ended = reason;
    for (const { listeners, retry } of this.#topics.values()) {
      clearTimeout(retry);
      for (const { ready } of listeners) ready.reject(reason);
    }
    this.#topics.clear();
  }

  #ask(text: string, topic: Topic): void {
    topic.joined = undefined;
    clearTimeout(topic.retry);
    const { keep, listeners, position } = topic;
    const feature = keep ? "log" : "params";
    if (text.startsWith("[") && !this.#host.can(feature)) {
      return this.#refused(
        text,
        topic,
        new SocketError(
          "UNAVAILABLE",
          `Cannot subscribe to ${text}: the server is of an older version without "${feature}"`,
        ),
        false,
      );
    }
    let rest = text;
    if (keep) {
      const all = [...listeners];
      const snapshot = all.some(({ onSnapshot }) => onSnapshot)
        ? topic.late ? 2 : 1
        : undefined;
      const replay = position === undefined ? all[0]?.replay : undefined;
      if (position !== undefined) {
        rest = `${text.slice(0, -1)},${JSON.stringify(position)}]`;
      }
      if (snapshot ?? replay) {
        rest += `,${JSON.stringify({ snapshot, replay })}`;
      }
    }
    let own: number;
    const build = (id: number) => `["sub",${own = topic.id = id},${rest}]`;
    // In the turn of the answer: frames after it in the same message are delivered only after it.
    const taken = (answer: unknown) => {
      if (own !== topic.id) return; // a later `sub` replaced it
      const { position, ...joined } = answer as Joined & { position?: string }; // the protocol's answer to `sub`
      topic.joined = joined;
      topic.failures = 0;
      topic.late = false;
      if (position !== undefined) topic.position = position;
      for (const { ready, gap } of listeners) {
        if (joined.resumed === false) gap();
        ready.resolve(joined);
      }
    };
    this.#calls.start(build, { taken }).catch((error: SocketError) =>
      own === topic.id && this.#refused(text, topic, error) // calls reject with nothing else here
    );
  }

  #refused(
    text: string,
    topic: Topic,
    error: SocketError,
    passing = error.code === "RATE_LIMITED" || error.code === "UNAVAILABLE",
  ): void {
    // Lost with its connection: the next connection subscribes again.
    if (error.code === "DISCONNECTED" || this.#topics.get(text) !== topic) {
      return;
    }
    // A live subscription to a kept topic is not given up while its broker is unreachable.
    if (passing && (++topic.failures <= MAX_RETRIES || topic.position)) {
      topic.retry = setTimeout(
        () => this.#host.open && this.#ask(text, topic),
        RETRY_MS * (1 + Math.random()),
      );
      return;
    }
    this.#topics.delete(text);
    for (const { ready, failed } of topic.listeners) {
      ready.reject(error);
      failed(error);
    }
  }
}
