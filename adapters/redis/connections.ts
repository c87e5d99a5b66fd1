/**
 * The two connections of an adapter to one Redis: one publishes, one subscribes.
 *
 * @module
 */
import type { Bridge } from "./bridge.ts";
import type {
  Connection,
  ConnectionEvents,
  CreateConnection,
} from "./connection.ts";
import { within } from "../shared/timing.ts";

/** How the two clients are created. */
export interface ClientSource {
  /** Creates the publishing connection. */
  readonly publisher: CreateConnection;
  /** Creates the subscribing connection. */
  readonly subscriber: CreateConnection;
  /** Which connections the adapter owns. It creates and closes them with each session; others are only pinged. */
  readonly owns: { readonly publisher: boolean; readonly subscriber: boolean };
}

/**
 * Opens one session at a time. Channels that a user's client may still be subscribed to are cleared at the next
 * session.
 */
export class Connections {
  readonly #source: ClientSource;
  readonly #bridge: Bridge | undefined;
  readonly #stale = new Set<string>();
  // One PING at a time, so that a client which queues commands while it is offline holds no more than one.
  readonly #asked = new Map<string, Promise<unknown>>();

  /**
   * @param source How the two clients are created
   * @param bridge Writes for nodes without TCP too
   */
  constructor(source: ClientSource, bridge?: Bridge) {
    this.#source = source;
    this.#bridge = bridge;
  }

  /**
   * Connects both. Gives up after `timeoutMs` or when the signal aborts.
   *
   * @throws Why it failed; both connections are closed then
   */
  async connect(
    events: ConnectionEvents,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<ConnectionPair> {
    const quiet = { ...events, message: () => {} };
    const connections: Connection[] = [];
    const { publisher, subscriber, owns } = this.#source;
    const end = () => {
      for (const [at, connection] of connections.entries()) {
        connection.release();
        if (at === 0 ? owns.publisher : owns.subscriber) destroy(connection);
      }
    };
    try {
      signal.throwIfAborted();
      connections.push(await publisher(quiet));
      connections.push(await subscriber(events));
      const [publishing, subscribing] = connections as [Connection, Connection]; // pushed above
      const ready = Promise.all([
        this.#ready(publishing, "publisher"),
        this.#ready(subscribing, "subscriber"),
      ]);
      // The timeout starts here: loading the client package took part of the time before.
      const inTime = within(ready, timeoutMs, "Redis did not answer");
      await Promise.race([inTime, aborted(signal)]);
      const stale = [...this.#stale];
      // If the client has lost these subscriptions it throws; they are gone in both cases.
      if (stale.length > 0) {
        await subscribing.unsubscribe(stale).catch(() => {});
      }
      this.#stale.clear();
      return {
        publish: this.#bridge?.over(publishing) ?? publishing.publish,
        evaluate: publishing.evaluate,
        run: publishing.run,
        load: publishing.load,
        several: publishing.several,
        subscribe: (channels) => {
          if (!owns.subscriber) {
            for (const channel of channels) this.#stale.add(channel);
          }
          return subscribing.subscribe(channels);
        },
        unsubscribe: async (channels) => {
          await subscribing.unsubscribe(channels);
          for (const channel of channels) this.#stale.delete(channel);
        },
        end,
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Removes subscriptions that a user's client would restore after its reconnect. */
  async close(): Promise<void> {
    if (this.#stale.size === 0) return;
    const connection = await this.#source.subscriber({
      message: () => {},
      lost: () => {},
    });
    connection.release();
    const stale = [...this.#stale];
    this.#stale.clear();
    await connection.unsubscribe(stale).catch(() => {}); // the user's client: its errors reach the user
  }

  #ready(
    connection: Connection,
    which: "publisher" | "subscriber",
  ): Promise<unknown> {
    if (this.#source.owns[which]) return connection.connect();
    let asked = this.#asked.get(which);
    if (!asked) {
      asked = connection.ping().finally(() => this.#asked.delete(which));
      this.#asked.set(which, asked);
    }
    return asked;
  }
}

/** Two connected clients, for one session. */
export interface ConnectionPair
  extends Pick<Connection, "run" | "load" | "several"> {
  /** See {@linkcode Connection}. */
  publish(channel: string, payload: string): Promise<unknown>;
  /** See {@linkcode Connection}. */
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** See {@linkcode Connection}. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** See {@linkcode Connection}. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Closes the connections that the adapter owns, and releases the user's. */
  end(): void;
}

function destroy(connection: Connection): void {
  try {
    connection.destroy();
  } catch {
    // Some versions throw if the connection is closed already.
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
}
