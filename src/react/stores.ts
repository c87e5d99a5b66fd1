/**
 * The stores behind the hooks: a snapshot, and subscribers. Independent of React.
 *
 * @module
 */
import type { Params } from "../contract/params.ts";
import type { ClientState, ClientStatus } from "../client/link.ts";
import type { StreamedAnswer, Subscription } from "../client/types.ts";
import type { Off } from "../wire/off.ts";

/** The members used of a client of any contract. */
export interface AnyClient {
  readonly state: ClientState;
  on(event: string, fn: (payload: never) => void): Off;
  onStatus(fn: (status: ClientStatus) => void): Off;
  subscribe(topic: string, ...args: unknown[]): Subscription;
  close(): void;
}

/** A store for `useSyncExternalStore`. Snapshots are compared by identity. */
export interface Store<T> {
  readonly subscribe: (changed: () => void) => () => void;
  readonly read: () => T;
}

/** The snapshot during server-side rendering and hydration. */
export const IDLE_STATUS: ClientStatus = { state: "idle", willRetry: true };

/** The connection's state. */
export class StatusStore implements Store<ClientStatus> {
  readonly #client: AnyClient;
  #status: ClientStatus = IDLE_STATUS;

  constructor(client: AnyClient) {
    this.#client = client;
  }

  readonly subscribe = (changed: () => void): () => void =>
    this.#client.onStatus((status) => {
      this.#status = status;
      changed();
    });

  readonly read = (): ClientStatus => {
    const { state } = this.#client;
    // It changed while nobody listened, so the cause is not known.
    if (this.#status.state !== state) {
      this.#status = { state, willRetry: state !== "closed" };
    }
    return this.#status;
  };
}

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

/** The state of a request. */
export interface RequestSnapshot {
  readonly data: unknown;
  readonly error: Error | undefined;
  readonly isLoading: boolean;
}

export const IDLE_REQUEST: RequestSnapshot = {
  data: undefined,
  error: undefined,
  isLoading: false,
};

/** The calls that one component makes of one request. */
export class RequestStore implements Store<RequestSnapshot> {
  readonly client: AnyClient;
  readonly name: string;
  readonly #method: AnyMethod;
  readonly #listeners = new Set<() => void>();
  #snapshot = IDLE_REQUEST;
  #latest = 0;

  constructor(client: AnyClient, name: string) {
    this.client = client;
    this.name = name;
    const method = (client as unknown as Record<string, unknown>)[name]; // present if the contract has it
    if (typeof method !== "function") {
      throw new TypeError(
        `Cannot use request "${name}": it is ${typeof method}, must be a request of the client's role`,
      );
    }
    this.#method = method as AnyMethod; // the result type of `useRequest`
  }

  readonly subscribe = (changed: () => void): () => void => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };

  readonly read = (): RequestSnapshot => this.#snapshot;

  /** Only the answer of the latest call counts. The promise belongs to this call and can be ignored. */
  readonly call = (...args: unknown[]): Promise<unknown> => {
    const number = ++this.#latest;
    const settle = (snapshot: RequestSnapshot) => {
      if (number === this.#latest) this.#turnTo(snapshot);
    };
    this.#turnTo({ ...this.#snapshot, error: undefined, isLoading: true });
    const answer = this.#method(...args);
    answer.then(
      (data) => settle({ data, error: undefined, isLoading: false }),
      (error) =>
        settle({
          data: this.#snapshot.data,
          error: errorOf(error),
          isLoading: false,
        }),
    );
    return answer;
  };

  #turnTo(snapshot: RequestSnapshot): void {
    this.#snapshot = snapshot;
    for (const changed of [...this.#listeners]) changed();
  }
}

/** The state of a streamed answer. */
export interface StreamSnapshot {
  readonly items: readonly unknown[];
  readonly result: unknown;
  readonly status: "idle" | "streaming" | "done" | "failed";
  readonly error: Error | undefined;
}

export const IDLE_STREAM: StreamSnapshot = {
  items: [],
  result: undefined,
  status: "idle",
  error: undefined,
};

/** The streamed answer that one component shows, of one request. */
export class StreamStore implements Store<StreamSnapshot> {
  readonly client: AnyClient;
  readonly name: string;
  readonly #method: (...args: unknown[]) => StreamedAnswer<
    unknown,
    Promise<unknown>
  >;
  readonly #listeners = new Set<() => void>();
  #snapshot = IDLE_STREAM;
  /** The items as they come. A snapshot copies them once a render, not once an item. */
  #items: unknown[] = [];
  #running: { cancel(): void } | undefined;

  constructor(client: AnyClient, name: string) {
    this.client = client;
    this.name = name;
    const method = (client as unknown as Record<string, unknown>)[name]; // there when the contract has it
    if (typeof method !== "function") {
      throw new TypeError(
        `Cannot use stream "${name}": it is ${typeof method}, must be a request of the client's role that has yields`,
      );
    }
    this.#method = method as never; // what the types of `useStream` say
  }

  readonly subscribe = (changed: () => void): () => void => {
    this.#listeners.add(changed);
    return () => {
      this.#listeners.delete(changed);
      // Under StrictMode React takes everything away once and puts it back in the same turn.
      setTimeout(() => this.#listeners.size === 0 && this.cancel());
    };
  };

  readonly read = (): StreamSnapshot => {
    if (this.#snapshot.items.length !== this.#items.length) {
      this.#snapshot = { ...this.#snapshot, items: [...this.#items] };
    }
    return this.#snapshot;
  };

  readonly start = (...args: unknown[]): void => {
    this.#running?.cancel();
    this.#items = [];
    this.#turnTo({ ...IDLE_STREAM, status: "streaming" });
    const answer = this.#method(...args);
    this.#running = answer;
    this.#follow(answer).catch(() => {}); // never: it shows what failed
  };

  readonly cancel = (): void => {
    if (!this.#running) return;
    this.#running.cancel();
    this.#running = undefined;
    this.#turnTo({ ...this.#snapshot, status: "idle" });
  };

  async #follow(
    answer: StreamedAnswer<unknown, Promise<unknown>>,
  ): Promise<void> {
    let end: Partial<StreamSnapshot>;
    try {
      for await (const item of answer) {
        if (this.#running !== answer) return;
        this.#items.push(item);
        this.#tell();
      }
      end = { status: "done", result: await answer.result };
    } catch (error) {
      end = { status: "failed", error: errorOf(error) };
    }
    if (this.#running !== answer) return;
    this.#running = undefined;
    this.#turnTo({ ...this.#snapshot, ...end });
  }

  #turnTo(snapshot: StreamSnapshot): void {
    this.#snapshot = { ...snapshot, items: [...this.#items] };
    this.#tell();
  }

  #tell(): void {
    for (const changed of [...this.#listeners]) changed();
  }
}

/** The state of a topic. */
export interface TopicSnapshot {
  readonly data: unknown;
  readonly snapshot: unknown;
  readonly resumed: boolean | undefined;
  readonly status: "pending" | "live" | "refused";
  readonly error: Error | undefined;
}

export const PENDING_TOPIC: TopicSnapshot = {
  data: undefined,
  snapshot: undefined,
  resumed: undefined,
  status: "pending",
  error: undefined,
};

/** One topic of one client, for all components that show it: subscribed while there is one. */
export class TopicStore implements Store<TopicSnapshot> {
  readonly #client: AnyClient;
  readonly #topic: string;
  readonly #params: Params | undefined;
  readonly #listeners = new Set<() => void>();
  #snapshot = PENDING_TOPIC;
  #end: (() => void) | undefined;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(client: AnyClient, topic: string, params: Params | undefined) {
    this.#client = client;
    this.#topic = topic;
    this.#params = params;
  }

  readonly subscribe = (changed: () => void): () => void => {
    clearTimeout(this.#ending);
    this.#listeners.add(changed);
    this.#end ??= this.#start();
    return () => {
      this.#listeners.delete(changed);
      if (this.#listeners.size > 0) return;
      // React may mount again in this turn, as under StrictMode: no message must be missed then.
      this.#ending = setTimeout(() => this.#stop());
    };
  };

  readonly read = (): TopicSnapshot => this.#snapshot;

  #start(): () => void {
    let accepted = false;
    const whether = () =>
      accepted && this.#client.state === "open" ? "live" : "pending";
    const refused = (error: unknown) => {
      if (this.#end !== end) return;
      this.#turnTo({ status: "refused", error: errorOf(error) });
    };
    const taken = (data: unknown) => {
      accepted = true;
      this.#turnTo({ data, status: whether(), error: undefined });
    };
    const subscription = this.#client.subscribe(
      this.#topic,
      ...(this.#params ? [this.#params] : []),
      taken,
      {
        onError: refused,
        onSnapshot: (snapshot: unknown) =>
          this.#turnTo({ snapshot, resumed: true }),
        onGap: () => this.#turnTo({ resumed: false }),
      },
    );
    const offStatus = this.#client.onStatus(() => {
      if (this.#snapshot.status !== "refused") {
        this.#turnTo({ status: whether() });
      }
    });
    const end = () => {
      offStatus();
      subscription();
    };
    subscription.ready.then((joined) => {
      if (this.#end !== end) return;
      accepted = true;
      // Of a topic that is not kept nobody knows what was missed.
      const resumed = joined.replayed === undefined
        ? undefined
        : this.#snapshot.resumed ?? true;
      this.#turnTo({ status: whether(), resumed });
    }, refused);
    return end;
  }

  #stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#snapshot = PENDING_TOPIC; // messages published from now on are missed
  }

  #turnTo(change: Partial<TopicSnapshot>): void {
    const before = this.#snapshot;
    const next = { ...before, ...change };
    const keys = Object.keys(next) as (keyof TopicSnapshot)[]; // its own
    if (keys.every((key) => before[key] === next[key])) return;
    this.#snapshot = next;
    for (const changed of [...this.#listeners]) changed();
  }
}

/** The reason of an abort can be any value. */
function errorOf(reason: unknown): Error {
  return reason instanceof Error
    ? reason
    : new Error(String(reason), { cause: reason });
}
