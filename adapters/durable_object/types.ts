/**
 * What is used of Cloudflare's Durable Objects, by structure, and what adapter and broker say to each other.
 *
 * @module
 */

/** What leads to one object. */
export interface StubLike {
  /** Has the object answer a request. */
  fetch(request: Request): Promise<Response>;
}

/** What a binding to a class of Durable Objects is. */
export interface NamespaceLike {
  /** The id of a name. */
  idFromName(name: string): object;
  /** The id that a text was made of. */
  idFromString(text: string): object;
  /** The object of an id. */
  get(id: object): StubLike;
}

/** What a broker's constructor gets first. */
export interface BrokerStateLike {
  /** Where the subscriptions are. */
  readonly storage: {
    /** Reads what is stored under keys, at most 128. */
    get(keys: string[]): Promise<Map<string, unknown>>;
    /** Reads what is stored under keys that start so. */
    list(options: { prefix: string }): Promise<Map<string, unknown>>;
    /** Stores values by their keys, at most 128. */
    put(entries: Record<string, unknown>): Promise<void>;
    /** Deletes keys, at most 128. */
    delete(keys: string[]): Promise<number>;
  };
}

/** Names the node that a request of the broker's is for; `forwardTo` takes it out of what comes from outside. */
export const PUSH_HEADER = "super-line-push";

/** A channel and what was published on it. */
export type Letter = readonly [channel: string, payload: string];

/** Who is subscribed. */
export interface Subscriber {
  /** The node. */
  readonly nodeId: string;
  /** Its class, by the name of the binding that the broker has to it. */
  readonly binding: string;
  /** Its object's id. */
  readonly object: string;
}

/** What an adapter asks of the broker. */
export type Order =
  | {
    readonly kind: "sync";
    readonly from: Subscriber;
    readonly add: readonly string[];
    readonly remove: readonly string[];
  }
  | {
    readonly kind: "publish";
    /** The publishing node, which has delivered to itself. */
    readonly nodeId: string;
    readonly letters: readonly Letter[];
  };

/** Makes a request that carries JSON. */
export function post(body: unknown, headers: Record<string, string>): Request {
  return new Request("https://super-line.invalid/", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
}
