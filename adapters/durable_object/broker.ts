/**
 * The broker object: stores the subscriptions, and pushes messages to the subscribers.
 *
 * @module
 */
import {
  type BrokerStateLike,
  jsonRequest,
  type Message,
  type NamespaceLike,
  type Order,
  PUSH_HEADER,
  type Subscriber,
} from "./types.ts";

/** The most keys of one storage call. */
const KEYS = 128;
/** The longest push, in UTF-16 units, unless it is one payload. */
const MAX_PUSH_LENGTH = 4_194_304;

/** The queue of one subscriber. */
interface Line {
  readonly to: Subscriber;
  readonly messages: Message[];
}

/**
 * A class of Durable Objects to be exported by the Worker, with a binding of its own. One object serves one namespace.
 * It sleeps while nothing is published, and wakes a subscriber only for a message.
 *
 * A message that a subscriber cannot take is lost: at most once.
 */
export class Broker {
  readonly #storage: BrokerStateLike["storage"];
  readonly #env: Record<string, NamespaceLike>;
  /** The subscribers of the channels that were published on in this life of the object. */
  readonly #channels = new Map<string, Map<string, Subscriber>>();
  /** By node. An entry exists while a push is in flight to it, so that order holds. */
  readonly #lines = new Map<string, Line>();

  /**
   * Called by Cloudflare.
   *
   * @param state The object's state
   * @param env The Worker's bindings, the ones to the subscribers' classes among them
   */
  constructor(state: BrokerStateLike, env: unknown) {
    this.#storage = state.storage;
    this.#env = env as Record<string, NamespaceLike>; // as the Worker's configuration has it
  }

  /** Runs an adapter's request. */
  async fetch(request: Request): Promise<Response> {
    const order = await request.json() as Order; // only the Worker's own objects reach a binding
    if (order.kind === "sync") {
      await this.#add(order.from, order.add);
      await this.#remove(order.from.nodeId, order.remove);
    } else await this.#publish(order.nodeId, order.messages);
    return new Response("ok");
  }

  async #add(from: Subscriber, channels: readonly string[]): Promise<void> {
    for (const some of chunks(channels)) {
      const keys = some.map((channel) => keyOf(channel, from.nodeId));
      // A woken object sends all its subscriptions: those already stored are not written again.
      const known = await this.#storage.get(keys);
      const missing = keys.filter((key) => !known.has(key));
      if (missing.length > 0) {
        await this.#storage.put(
          Object.fromEntries(missing.map((key) => [key, from])),
        );
      }
      for (const channel of some) {
        this.#channels.get(channel)?.set(from.nodeId, from);
      }
    }
  }

  async #remove(nodeId: string, channels: readonly string[]): Promise<void> {
    for (const some of chunks(channels)) {
      for (const channel of some) this.#channels.get(channel)?.delete(nodeId);
      await this.#storage.delete(some.map((it) => keyOf(it, nodeId)));
    }
  }

  async #publish(nodeId: string, messages: readonly Message[]): Promise<void> {
    // All reads first, so that no other request comes between two messages of this one.
    const names = new Set(messages.map(([channel]) => channel));
    await Promise.all([...names].map((channel) => this.#subscribers(channel)));
    for (const message of messages) {
      for (const to of this.#channels.get(message[0])?.values() ?? []) {
        if (to.nodeId !== nodeId) this.#push(to, message);
      }
    }
  }

  async #subscribers(channel: string): Promise<void> {
    if (this.#channels.has(channel)) return;
    const stored = await this.#storage.list({ prefix: keyOf(channel, "") });
    if (this.#channels.has(channel)) return;
    const found = [...stored.values()] as Subscriber[]; // `#add` stored them
    this.#channels.set(channel, new Map(found.map((it) => [it.nodeId, it])));
  }

  #push(to: Subscriber, message: Message): void {
    const line = this.#lines.get(to.nodeId);
    if (line) return void line.messages.push(message);
    const fresh = { to, messages: [message] };
    this.#lines.set(to.nodeId, fresh);
    void this.#deliver(fresh); // never rejects
  }

  async #deliver({ to, messages }: Line): Promise<void> {
    while (messages.length > 0) {
      let length = 0;
      let count = 0;
      while (count < messages.length) {
        length += messages[count]?.[1].length ?? 0;
        if (count > 0 && length > MAX_PUSH_LENGTH) break;
        count++;
      }
      const some = messages.splice(0, count);
      const unwanted = await this.#send(to, some);
      if (unwanted.length > 0) await this.#remove(to.nodeId, unwanted);
    }
    this.#lines.delete(to.nodeId);
  }

  /** Pushes messages. Resolves with the channels that the subscriber no longer wants. */
  async #send(to: Subscriber, messages: Message[]): Promise<string[]> {
    try {
      const objects = this.#env[to.binding];
      if (!objects) {
        throw new TypeError(`The broker has no binding ${to.binding}`);
      }
      const object = objects.get(objects.idFromString(to.object));
      const answer = await object.fetch(
        jsonRequest(messages, { [PUSH_HEADER]: to.nodeId }),
      );
      if (answer.ok) return await answer.json() as string[]; // an adapter's response
      await answer.text();
      return [...new Set(messages.map(([channel]) => channel))]; // no such node there
    } catch (error) {
      console.error("super-line: a push was lost:", error);
      return [];
    }
  }
}

function keyOf(channel: string, nodeId: string): string {
  return `${JSON.stringify(channel)} ${nodeId}`;
}

function* chunks(all: readonly string[]): Iterable<string[]> {
  for (let at = 0; at < all.length; at += KEYS) yield all.slice(at, at + KEYS);
}
