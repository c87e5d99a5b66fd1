/** Where one case plays: a node of its own on the server, and nothing left of it afterwards. */
import {
  type Client,
  type ClientOptions,
  type ClientStatus,
  createClient,
  type WebSocketConstructor,
} from "../../src/client/client.ts";
import { assert, pause, within } from "../../src/testing/assert.ts";
import { until } from "./until.ts";
import { api, packed } from "./api.ts";
import type { Entry } from "./nodes.ts";
import { RawSocket } from "./raw_socket.ts";
import type { Need, RuntimeCase, Subject } from "./subject.ts";

type Api = (typeof api)["definition"];

/** What `/control` answers. */
export interface Report {
  readonly log: readonly Entry[];
  readonly sizes: Record<string, number>;
  readonly framesIn: number;
  readonly malformed: number;
  readonly dropped: number;
}

/** A client of role user that cases drive. */
export type User = Client<Api, "user">;

type Options = Partial<ClientOptions<"user">> & { readonly name?: string };

export class Stage {
  readonly subject: Subject;
  readonly preset: string;
  readonly #id = crypto.randomUUID();
  readonly #clients: { close(): void }[] = [];

  constructor(subject: Subject, preset: string) {
    this.subject = subject;
    this.preset = preset;
  }

  /** Where the node is, without a query. */
  get path(): string {
    return `/n/${this.preset}/${this.#id}`;
  }

  /** The node's URL for a WebSocket. */
  url(params: Record<string, string> = {}): string {
    const query = new URLSearchParams({ role: "user", ...params });
    return `${this.subject.origin.replace("http", "ws")}${this.path}?${query}`;
  }

  /** Tells the server something about the node. */
  async control(command: string, n = 0): Promise<Report> {
    const { origin } = this.subject;
    const response = await fetch(
      `${origin}/control/${this.preset}/${this.#id}/${command}?n=${n}`,
      { signal: AbortSignal.timeout(5_000) },
    );
    assert(response.ok, `${command}: ${response.status}`);
    return await response.json();
  }

  /** Resolves when the node's report is as it should be. */
  async reports(
    what: string,
    check: (report: Report) => unknown,
  ): Promise<Report> {
    const end = Date.now() + 4_000;
    for (;;) {
      const report = await this.control("report");
      if (check(report)) return report;
      assert(Date.now() < end, `${what}: ${JSON.stringify(report)}`);
      await pause(25);
    }
  }

  /** Makes a client of role user; resolves when it is connected. */
  async user(options: Options = {}): Promise<User> {
    const client = this.dial(options);
    await within(client.ready, 4_000, "a connection");
    return client;
  }

  /** Makes a client of role user. */
  dial({ name = "ada", ...options }: Options = {}): User {
    return this.keep(createClient(api, {
      ...this.#where(),
      role: "user",
      params: { name },
      reconnectBaseMs: 20,
      timeoutMs: 5_000,
      onError: () => {},
      ...options,
    }));
  }

  /** Makes a client of role agent. */
  agent(): Client<Api, "agent"> {
    return this.keep(createClient(api, { ...this.#where(), role: "agent" }));
  }

  /** Makes a client whose payloads are MessagePack. */
  packed(): Client<(typeof packed)["definition"], "user"> {
    return this.keep(createClient(packed, { ...this.#where(), role: "user" }));
  }

  /** Opens a bare WebSocket. */
  raw(
    params: Record<string, string> = {},
    protocols?: string[],
    WebSocket: WebSocketConstructor = this.subject.WebSocket,
  ): RawSocket {
    return this.keep(new RawSocket(WebSocket, this.url(params), protocols));
  }

  /** Opens a bare WebSocket; resolves after `hi`. */
  async greeted(params?: Record<string, string>): Promise<RawSocket> {
    const socket = this.raw(params);
    await socket.next("hi");
    return socket;
  }

  /** Closes it in the end. */
  keep<C extends { close(): void }>(client: C): C {
    this.#clients.push(client);
    return client;
  }

  /** Ends all, and finds what the node still holds. */
  async clear(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.reports(
      "the node holds something after the last client left",
      ({ sizes }) => Object.values(sizes).every((size) => size === 0),
    );
    await this.control("dispose");
  }

  #where(): { url: string; WebSocket: WebSocketConstructor } {
    const { origin, WebSocket } = this.subject;
    return { url: origin + this.path, WebSocket };
  }
}

/** The states that a client told of, from now on. */
export function statusOf(client: {
  onStatus(fn: (status: ClientStatus) => void): () => void;
}): ClientStatus[] {
  const told: ClientStatus[] = [];
  client.onStatus((status) => void told.push(status));
  return told;
}

/** Resolves when a client has told of a loss or its end. */
export async function lost(told: ClientStatus[]): Promise<ClientStatus> {
  const find = () => told.find(({ code }) => code !== undefined);
  await until(find, () => `a close in ${JSON.stringify(told)}`);
  return find() as ClientStatus; // just found
}

/** Makes a case of what happens on a stage. */
export function defineCase(
  promise: RuntimeCase["promise"],
  name: string,
  play: (stage: Stage) => Promise<void>,
  { preset = "json", needs = [] }: {
    readonly preset?: string;
    readonly needs?: readonly Need[];
  } = {},
): RuntimeCase {
  return {
    promise,
    name,
    ...(needs.length > 0 && { needs }),
    async run(subject) {
      const stage = new Stage(subject, preset);
      await stage.control("create");
      await play(stage).catch(async (error) => {
        await stage.clear().catch(() => {}); // what failed first is told
        throw error;
      });
      await stage.clear();
    },
  };
}
