/** One client of the cluster suite: an app that is in rooms, listens to topics, and comes and goes. */
import { type Client, createClient } from "../../../src/client/client.ts";
import { until } from "../../runtimes/until.ts";
import { api, type Role, topicOf } from "./api.ts";
import { watch } from "./connection.ts";
import { type Model, Receiver } from "./model.ts";
import { tap } from "./tap.ts";

/** After how long a connection that is to come back is missed. */
const BACK_MS = 15_000;

/** How a connection ends. */
export const endings = ["cut", "end", "move"] as const;

export class ModelClient {
  readonly role: Role;
  node = 0;
  /** One thing at a time. */
  busy = false;
  receiver: Receiver;
  readonly #model: Model;
  readonly #ports: readonly number[];
  readonly #rooms = new Set<string>();
  readonly #topics = new Map<string, () => void>();
  #connections = 0;
  #client: Client<(typeof api)["definition"], Role> | undefined;
  #cut: () => void = () => {};

  constructor(model: Model, ports: readonly number[], role: Role) {
    this.#model = model;
    this.#ports = ports;
    this.role = role;
    this.receiver = new Receiver(0, false);
  }

  /** Connects to a node, and is where it was before. */
  async open(node: number): Promise<void> {
    this.node = node;
    const { WebSocket, cut } = tap(() => {
      this.receiver = new Receiver(this.node, false);
      return watch(this.#model, this.receiver, this.role);
    });
    this.#cut = cut;
    const client = this.#client = createClient(api, {
      url: `ws://127.0.0.1:${this.#ports[node]}/`,
      role: this.role,
      WebSocket,
      reconnectBaseMs: 20,
      reconnectMaxMs: 200,
      onError: (error) => this.#model.fault("error", `${error}`),
    });
    client.onStatus(({ state }) => {
      if (state === "open") this.#connections++;
    });
    const topics = [...this.#topics.keys()];
    this.#topics.clear();
    for (const name of topics) this.#subscribe(name);
    await this.#settle(0);
  }

  /** Whether it wants a channel. */
  has(channel: string): boolean {
    const [kind, name = ""] = channel.split("/");
    return kind === "room" ? this.#rooms.has(name) : this.#topics.has(name);
  }

  async enter(channel: string): Promise<void> {
    const [kind, room = ""] = channel.split("/");
    if (kind === "room") {
      this.#rooms.add(room);
      await this.#client?.join({ room });
    } else this.#subscribe(room);
    await this.#calm();
  }

  async exit(channel: string): Promise<void> {
    const [kind, room = ""] = channel.split("/");
    if (kind === "room") {
      this.#rooms.delete(room);
      await this.#client?.leave({ room });
    } else {
      this.#topics.get(room)?.();
      this.#topics.delete(room);
      await this.#client?.sync({});
    }
  }

  /** Has its node broadcast. */
  async say(channel: string, n: number): Promise<void> {
    await this.#client?.say({ room: channel.slice(5), n });
  }

  /** Ends the connection one way, and has another. */
  async leave(how: (typeof endings)[number], node: number): Promise<void> {
    const before = this.#connections;
    if (how === "move") {
      this.close();
      return await this.open(node);
    }
    if (how === "cut") this.#cut();
    else this.#client?.end({});
    await this.#settle(before);
  }

  close(): void {
    this.#client?.close();
    this.#connections = 0;
  }

  /** Resolves when a new connection is where the last one was. */
  async #settle(before: number): Promise<void> {
    await until(() => this.#connections > before, "it is back", BACK_MS);
    const joins = [...this.#rooms].map((room) => this.#client?.join({ room }));
    await Promise.all(joins);
    await this.#calm();
  }

  #calm(): Promise<void> {
    const settled = () =>
      this.receiver.settled &&
      [...this.#topics.keys()].every((name) =>
        this.receiver.in(topicOf(this.role, name)) !== "out"
      );
    return until(settled, "all is answered", BACK_MS);
  }

  #subscribe(name: string): void {
    const sub = this.#client?.subscribe(name as "news", () => {});
    this.#topics.set(name, () => sub?.());
  }
}
