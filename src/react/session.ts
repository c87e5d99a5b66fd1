/**
 * One client inside one `Provider`: shared by its hooks, and closed by it.
 *
 * @module
 */
import { canonicalParams, type Params, topicText } from "../contract/params.ts";
import { type AnyClient, StatusStore, TopicStore } from "./stores.ts";

/** A client, or a function that creates one. */
export type GivenClient = AnyClient | (() => AnyClient);

/** What the hooks below one `Provider` share. */
export class Session {
  readonly client: AnyClient;
  readonly status: StatusStore;
  /** Whether the `Provider` created the client, and closes it. */
  readonly owned: boolean;
  readonly #topics = new Map<string, TopicStore>();
  #closing: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** @throws {TypeError} If a function created a client that connects at once */
  constructor(given: GivenClient) {
    this.owned = typeof given === "function";
    this.client = typeof given === "function" ? given() : given;
    this.status = new StatusStore(this.client);
    // React renders more often than it mounts, and on servers: each render would leave a socket behind.
    if (this.owned && this.client.state !== "idle") {
      this.client.close();
      throw new TypeError(
        "Cannot provide the client that the function made: it connects at once, must be made with lazy: true",
      );
    }
  }

  /** Whether it was closed because its `Provider` unmounted. */
  get over(): boolean {
    return this.#over;
  }

  topic(name: string, params: Params | undefined): TopicStore {
    const text = topicText(name, params && canonicalParams(params));
    let store = this.#topics.get(text);
    if (!store) {
      store = new TopicStore(this.client, name, params);
      this.#topics.set(text, store);
    }
    return store;
  }

  /** The `Provider` is mounted: connects. Returns the clean-up function. */
  hold(): () => void {
    clearTimeout(this.#closing);
    const off = this.status.subscribe(() => {}); // wakes a lazy client, and knows why the next status came
    return () => {
      off();
      if (!this.owned) return;
      // Under StrictMode React unmounts everything once and mounts it again in the same turn.
      this.#closing = setTimeout(() => {
        this.#over = true;
        this.client.close();
      });
    };
  }
}
