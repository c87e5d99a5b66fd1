/**
 * The structural types of Cloudflare's Durable Objects, and the requests between adapter and broker.
 *
 * @module
 */

/** A stub of one object. */
export interface StubLike {
  /** Sends a request to the object. */
  fetch(request: Request): Promise<Response>;
}

/** A binding to a class of Durable Objects. */
export interface NamespaceLike {
  /** Returns the id of a name. */
  idFromName(name: string): object;
  /** Parses an id. */
  idFromString(text: string): object;
  /** Returns the stub of an id. */
  get(id: object): StubLike;
}

/** The first argument of a broker's constructor. */
export interface BrokerStateLike {
  /** The object's storage, which holds the subscriptions. */
  readonly storage: {
    /** Reads the values of keys, at most 128. */
    get(keys: string[]): Promise<Map<string, unknown>>;
    /** Reads the values of all keys with a prefix. */
    list(options: { prefix: string }): Promise<Map<string, unknown>>;
    /** Stores values by key, at most 128. */
    put(entries: Record<string, unknown>): Promise<void>;
    /** Deletes keys, at most 128. */
    delete(keys: string[]): Promise<number>;
  };
}

/** The header with the node that a broker's request is for. `forwardTo` removes it from outside requests. */
export const PUSH_HEADER = "super-line-push";

/** A channel and a payload. */
export type Message = readonly [channel: string, payload: string];

/** A subscriber. */
export interface Subscriber {
  /** Its node id. */
  readonly nodeId: string;
  /** The name of the broker's binding to its class. */
  readonly binding: string;
  /** The id of its object. */
  readonly object: string;
}

/** A request of an adapter to the broker. */
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
    readonly messages: readonly Message[];
  };

/** Creates a request that carries JSON. */
export function jsonRequest(
  body: unknown,
  headers: Record<string, string>,
): Request {
  return new Request("https://super-line.invalid/", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
}
