/**
 * The topics that a client listens to.
 *
 * @module
 */
import { SocketError } from "../wire/errors.ts";
import type { Joined } from "../wire/joined.ts";
import type { Calls, CallsHost } from "./calls.ts";
import { createGate, type Gate } from "./deferred.ts";
import type { SubscribeOptions, Subscription } from "./types.ts";

/** How long to wait when a subscription hit a limit, in milliseconds. */
const RETRY_MS = 1_000;
/** After how many retries a limit is one that does not pass, such as `maxSubscriptions`. */
const MAX_RETRIES = 5;

interface Listener {
  readonly fn: (payload: never) => void;
  readonly ready: Gate<Joined>;
  readonly failed: (error: unknown) => void;
}

interface Topic {
  readonly listeners: Set<Listener>;
  /** What `sub` was answered with. */
  joined?: Joined | undefined;
  /** The last `sub` of it. */
  id: number;
  retry?: ReturnType<typeof setTimeout>;
  /** How often in a row a limit was hit. */
  failures: number;
}

/** What topics need of their client. */
export interface TopicsHost extends CallsHost {
  /** Whether the server has a feature; asked while frames can leave. */
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

  /** Adds a listener to the topic of a text, and subscribes for the first one. */
  add(
    text: string,
    fn: (payload: never) => void,
    onError: NonNullable<SubscribeOptions["onError"]>,
  ): Subscription {
    const ready = createGate<Joined>(); // ignoring it is fine: a refusal goes to onError as well
    const listener: Listener = { fn, ready, failed: onError };
    if (this.#ended) ready.fail(this.#ended);
    const topic: Topic = this.#topics.get(text) ??
      { listeners: new Set(), id: 0, failures: 0 };
    if (topic.joined) ready.open(topic.joined);
    topic.listeners.add(listener);
    if (!this.#topics.has(text)) {
      this.#topics.set(text, topic);
      if (this.#host.open) this.#ask(text, topic);
    }
    return {
      ready: ready.promise,
      unsubscribe: () => {
        if (!topic.listeners.delete(listener)) return;
        ready.open({ live: false });
        if (topic.listeners.size > 0 || this.#topics.get(text) !== topic) {
          return;
        }
        this.#topics.delete(text);
        clearTimeout(topic.retry);
        this.#calls.withdraw(topic.id);
        if (this.#host.open) this.#host.send(`["unsub",${text}]`);
      },
    };
  }

  /** The listeners of a topic. */
  listeners(text: string): Iterable<(payload: never) => void> {
    return [...this.#topics.get(text)?.listeners ?? []].map(({ fn }) => fn);
  }

  /** Subscribes to all again, on a new connection. */
  resume(): void {
    for (const [text, topic] of this.#topics) this.#ask(text, topic);
  }

  /** Ends all. */
  end(reason: SocketError): void {
    this.#ended = reason;
    for (const { listeners, retry } of this.#topics.values()) {
      clearTimeout(retry);
      for (const { ready } of listeners) ready.fail(reason);
    }
    this.#topics.clear();
  }

  #ask(text: string, topic: Topic): void {
    topic.joined = undefined;
    clearTimeout(topic.retry);
    if (text.startsWith("[") && !this.#host.can("params")) {
      return this.#refused(
        text,
        topic,
        new SocketError(
          "UNAVAILABLE",
          `Cannot subscribe to ${text}: the server is of an older version that has no topics with parameters`,
        ),
        false,
      );
    }
    const build = (id: number) => `["sub",${topic.id = id},${text}]`;
    this.#calls.start(build).then(
      (joined) => {
        topic.joined = joined as Joined; // what the protocol answers a sub with
        topic.failures = 0;
        for (const { ready } of topic.listeners) ready.open(topic.joined);
      },
      (error: SocketError) => this.#refused(text, topic, error), // calls reject with nothing else here
    );
  }

  #refused(
    text: string,
    topic: Topic,
    error: SocketError,
    passing = error.code === "RATE_LIMITED" || error.code === "UNAVAILABLE",
  ): void {
    // Lost with its connection: the next one asks again.
    if (error.code === "DISCONNECTED" || this.#topics.get(text) !== topic) {
      return;
    }
    if (passing && ++topic.failures <= MAX_RETRIES) {
      topic.retry = setTimeout(
        () => this.#host.open && this.#ask(text, topic),
        RETRY_MS * (1 + Math.random()),
      );
      return;
    }
    this.#topics.delete(text);
    for (const { ready, failed } of topic.listeners) {
      ready.fail(error);
      failed(error);
    }
  }
}
