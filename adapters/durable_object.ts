/**
 * The adapter for several Durable Objects of one Worker, with an object of Cloudflare's own in the middle: no polling,
 * no other service, and an object that is subscribed sleeps until a message comes.
 *
 * @example A Worker
 * ```ts ignore
 * import { durableObject, forwardTo } from "@super-line/edge/cloudflare";
 * import { createDurableObjectAdapter } from "@super-line/edge/adapters/durable-object";
 * import { api, app, authenticate } from "./app.ts";
 *
 * export { Broker } from "@super-line/edge/adapters/durable-object";
 * export const Chat = durableObject(api, (env: Env, state) => ({
 *   adapter: createDurableObjectAdapter({ broker: env.BROKER, id: state.id, self: "CHAT" }),
 *   authenticate,
 * }), app);
 * export default forwardTo("CHAT", (request) => new URL(request.url).pathname);
 * ```
 *
 * @module
 */
import type { Adapter, AdapterHost } from "../src/seams/adapter.ts";
import { createDeferred, type Deferred } from "../src/shared/deferred.ts";
import { SocketError } from "../src/wire/errors.ts";
import { within } from "./shared/timing.ts";
import {
  jsonRequest,
  type Message,
  type NamespaceLike,
  type Order,
  PUSH_HEADER,
} from "./durable_object/types.ts";

export { Broker } from "./durable_object/broker.ts";
export type {
  BrokerStateLike,
  NamespaceLike,
  StubLike,
} from "./durable_object/types.ts";

/** Options of {@linkcode createDurableObjectAdapter}. */
export interface DurableObjectAdapterOptions {
  /** The binding to the class {@linkcode Broker}. */
  readonly broker: NamespaceLike;
  /** The id of the object that the adapter runs in: `state.id`. */
  readonly id: { toString(): string };
  /** The name of the binding to that object's own class. */
  readonly self: string;
  /**
   * The name of the broker object. Two applications with one broker class need different ones.
   *
   * @default {"super-line"}
   */
  readonly namespace?: string;
  /**
   * How long one request to the broker may take, in milliseconds.
   *
   * @default {5_000}
   */
  readonly timeoutMs?: number;
}

/** An adapter that receives requests from outside of its object. */
export interface DurableObjectAdapter extends Adapter {
  /**
   * Takes a push of the broker; `durableObject` calls it.
   *
   * @param request The request that came to the object
   * @returns The response; `undefined` if the request is something else, or for another node
   */
  take(request: Request): Promise<Response> | undefined;
}

/** The longest publish request, in UTF-16 units, unless it is one payload. */
const MAX_ORDER_LENGTH = 4_194_304;

/**
 * Creates an adapter for a Durable Object.
 *
 * A publish costs one request to the broker, and one from there to each other object that is subscribed, however many
 * clients it has. The publishes of one turn are one request. The broker is one object: it carries about a thousand
 * requests a second. For more traffic use several, with different `namespace`s.
 *
 * @param options `broker`, `id` and `self`
 * @returns The adapter, to be passed to one server
 *
 * @example In the options of a Durable Object
 * ```ts ignore
 * const adapter = createDurableObjectAdapter({ broker: env.BROKER, id: state.id, self: "CHAT" });
 * ```
 */
export function createDurableObjectAdapter(
  options: DurableObjectAdapterOptions,
): DurableObjectAdapter {
  return new BrokerClient(options);
}

class BrokerClient implements DurableObjectAdapter {
  readonly limits = { maxPayloadBytes: 1_056_768 };
  /** The node's own subscriptions would wake the object, and its directory's timer would never let it sleep. */
  readonly metered = true;
  readonly #options: DurableObjectAdapterOptions;
  readonly #timeoutMs: number;
  readonly #interests = new Map<string, Deferred<void>>();
  /** Channels whose subscription changed since the last request. */
  readonly #changed = new Set<string>();
  #syncing: Promise<void> | undefined;
  #messages: Message[] = [];
  #sending: Promise<void> | undefined;
  #host: AdapterHost | undefined;
  /** Whether the last publish was lost. */
  #failing = false;
  #closed: Promise<void> | undefined;

  constructor(options: DurableObjectAdapterOptions) {
    if (typeof options?.broker?.idFromName !== "function") {
      throw new TypeError(
        "Cannot create an adapter: broker is not a binding, must be a binding to the class Broker",
      );
    }
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
  }

  open(host: AdapterHost): void {
    if (this.#host) {
      throw new TypeError("Cannot open an adapter: it is open already");
    }
    this.#host = host;
  }

  subscribe(channel: string): Promise<void> {
    if (this.#closed) return Promise.reject(unavailable("it is closed"));
    const known = this.#interests.get(channel);
    if (known) return known.promise;
    const live = createDeferred();
    this.#interests.set(channel, live);
    this.#changed.add(channel);
    void this.#sync();
    return live.promise;
  }

  async unsubscribe(channel: string): Promise<void> {
    const interest = this.#interests.get(channel);
    if (!interest) return;
    this.#interests.delete(channel); // nothing is delivered from here on
    this.#changed.add(channel);
    await this.#sync();
    interest.resolve(); // for a caller that subscribed and unsubscribed before it was live
  }

  publish(channel: string, payload: string): void {
    if (this.#closed) return this.#host?.dropped(channel, 1);
    this.#messages.push([channel, payload]);
    this.#sending ??= Promise.resolve().then(() => this.#send());
  }

  take(request: Request): Promise<Response> | undefined {
    const nodeId = request.headers.get(PUSH_HEADER);
    if (nodeId === null || nodeId !== this.#host?.nodeId || this.#closed) {
      return undefined;
    }
    return this.#receive(request);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #receive(request: Request): Promise<Response> {
    const messages = await request.json() as Message[]; // written by the broker
    const unwanted = new Set<string>();
    for (const message of messages) {
      if (!this.#hand(message)) unwanted.add(message[0]);
    }
    return Response.json([...unwanted]);
  }

  /** Delivers a payload to the node, if the channel is subscribed. */
  #hand([channel, payload]: Message): boolean {
    if (!this.#interests.has(channel)) return false;
    try {
      this.#host?.message(channel, payload);
    } catch (error) {
      this.#host?.error(error);
    }
    return true;
  }

  /**
   * Sends the changed subscriptions to the broker, one request at a time. Resolves when all changes made by now are
   * stored.
   */
  #sync(): Promise<void> {
    const before = this.#syncing ?? Promise.resolve();
    if (this.#changed.size === 0) return before;
    const run = before.then(() => this.#syncOnce());
    this.#syncing = run;
    return run;
  }

  async #syncOnce(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    if (changed.length === 0 || !this.#host) return;
    const asked = changed.map((it) => [it, this.#interests.get(it)] as const);
    const add = asked.filter(([, interest]) => interest);
    const remove = asked.filter(([, interest]) => !interest);
    try {
      const { id, self } = this.#options;
      await this.#ask({
        kind: "sync",
        from: {
          nodeId: this.#host.nodeId,
          binding: self,
          object: String(id),
        },
        add: add.map(([channel]) => channel),
        remove: remove.map(([channel]) => channel),
      });
      for (const [, interest] of add) interest?.resolve();
    } catch (cause) {
      const error = unavailable("it did not answer", cause);
      for (const [channel, interest] of add) {
        if (this.#interests.get(channel) === interest) {
          this.#interests.delete(channel);
        }
        interest?.reject(error);
      }
      // A failed unsubscribe is repeated as the answer to a push.
    }
  }

  async #send(): Promise<void> {
    while (this.#messages.length > 0) {
      let length = 0;
      let count = 0;
      while (count < this.#messages.length) {
        length += this.#messages[count]?.[1].length ?? 0;
        if (count > 0 && length > MAX_ORDER_LENGTH) break;
        count++;
      }
      const messages = this.#messages.splice(0, count);
      for (const message of messages) this.#hand(message);
      const nodeId = this.#host?.nodeId ?? "";
      try {
        await this.#ask({ kind: "publish", nodeId, messages });
        this.#failing = false;
      } catch (cause) {
        for (const [channel] of messages) this.#host?.dropped(channel, 1);
        if (!this.#failing) {
          this.#host?.error(unavailable("published messages are lost", cause));
        }
        this.#failing = true; // reported once
      }
    }
    this.#sending = undefined;
  }

  async #ask(order: Order): Promise<void> {
    const { broker, namespace = "super-line" } = this.#options;
    const object = broker.get(broker.idFromName(namespace));
    const asked = object.fetch(jsonRequest(order, {}));
    const answer = await within(asked, this.#timeoutMs, "No answer");
    await answer.text();
    if (!answer.ok) {
      throw new Error(`The broker answered with status ${answer.status}`);
    }
  }

  async #close(): Promise<void> {
    for (const [channel, { reject }] of this.#interests) {
      this.#changed.add(channel);
      reject(unavailable("the adapter is closed")); // this has no effect on channels that are live already
    }
    this.#interests.clear();
    await Promise.all([this.#sync(), this.#sending]);
  }
}

function unavailable(why: string, cause?: unknown): SocketError {
  return new SocketError(
    "UNAVAILABLE",
    `Cannot reach the broker object: ${why}`,
    undefined,
    { cause },
  );
}
