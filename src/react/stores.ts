/**
 * What hooks read: one snapshot each, and who is told when it changes. React is not known here.
 *
 * @module
 */
import type { Params } from "../contract/params.ts";
import type { ClientState, ClientStatus } from "../client/link.ts";
import type { Subscription } from "../client/types.ts";

/** What is used of a client whose contract does not matter. */
export interface AnyClient {
  readonly state: ClientState;
  on(event: string, fn: (payload: never) => void): () => void;
  onStatus(fn: (status: ClientStatus) => void): () => void;
  subscribe(topic: string, ...args: unknown[]): Subscription;
  close(): void;
}

/** What `useSyncExternalStore` takes. Snapshots are compared by identity. */
export interface Store<T> {
  readonly subscribe: (changed: () => void) => () => void;
  readonly read: () => T;
}

/** What every store says where a page is rendered on a server, and until that page is alive. */
export const IDLE_STATUS: ClientStatus = { state: "idle", willRetry: true };

/** Where a client is. */
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
    // It changed while nobody listened, so why is not known.
    if (this.#status.state !== state) {
      this.#status = { state, willRetry: state !== "closed" };
    }
    return this.#status;
  };
}

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

/** What is known of a request. */
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
    const method = (client as unknown as Record<string, unknown>)[name]; // there when the contract has it
    if (typeof method !== "function") {
      throw new TypeError(
        `Cannot use request "${name}": it is ${typeof method}, must be a request of the client's role`,
      );
    }
    this.#method = method as AnyMethod; // what the types of `useRequest` say
  }

  readonly subscribe = (changed: () => void): () => void => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };

  readonly read = (): RequestSnapshot => this.#snapshot;

  /** Only the latest call's answer counts. The promise is this call's own, and may be ignored. */
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

/** What is known of a topic. */
export interface TopicSnapshot {
  readonly data: unknown;
  readonly status: "pending" | "live" | "refused";
  readonly error: Error | undefined;
}

export const PENDING_TOPIC: TopicSnapshot = {
  data: undefined,
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
      // React may come back in this turn, as it does under StrictMode: nothing is to be missed then.
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
      { onError: refused },
    );
    const offStatus = this.#client.onStatus(() => {
      if (this.#snapshot.status !== "refused") {
        this.#turnTo({ status: whether() });
      }
    });
    const end = () => {
      offStatus();
      subscription.unsubscribe();
    };
    subscription.ready.then(() => {
      if (this.#end !== end) return;
      accepted = true;
      this.#turnTo({ status: whether() });
    }, refused);
    return end;
  }

  #stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#snapshot = PENDING_TOPIC; // what is published from now on is missed
  }

  #turnTo(change: Partial<TopicSnapshot>): void {
    const { data, status, error } = this.#snapshot;
    const next = { data, status, error, ...change };
    if (data === next.data && status === next.status && error === next.error) {
      return;
    }
    this.#snapshot = next;
    for (const changed of [...this.#listeners]) changed();
  }
}

/** An abort's reason may be anything. */
function errorOf(reason: unknown): Error {
  return reason instanceof Error
    ? reason
    : new Error(String(reason), { cause: reason });
}
