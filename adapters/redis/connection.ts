/**
 * What the adapter needs of one client, whichever library the client comes from.
 *
 * @module
 */

/** One connection, which either publishes or subscribes. */
export interface Connection {
  /** Sends a publish without waiting. Publishes of one turn of the event loop leave together. */
  publish(channel: string, payload: string): Promise<unknown>;
  /** Adds an entry to a stream, in the order of publishes. */
  append(entry: StreamEntry): Promise<unknown>;
  /** Runs a script. */
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** Runs a script that was loaded, by its digest, in the order of the calls; leaves with the turn too. */
  run(sha: string, keys: string[], args: string[]): Promise<unknown>;
  /** Loads a script; gives its digest. */
  load(script: string): Promise<unknown>;
  /** Whether it speaks to several servers: a script is then loaded on one of them only. */
  readonly several: boolean;
  /** Resolves when Redis has confirmed every channel. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** Resolves when no more messages can arrive on these channels. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Resolves when Redis answers PING. */
  ping(): Promise<unknown>;
  /** Connects a new client. A client that the user passed is connected already. */
  connect(): Promise<unknown>;
  /** Closes the connection at once, and with it all commands in flight. */
  destroy(): void;
  /** Removes the adapter's listeners from the client. */
  release(): void;
}

/** A stream entry, for nodes that poll streams. */
export interface StreamEntry {
  readonly key: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Whether to renew the stream's time to live. */
  readonly renew: boolean;
}

/** The events of a client. */
export interface ConnectionEvents {
  /** A message arrived. */
  message(channel: string, payload: string): void;
  /** The connection broke, or may have missed messages. Can be called several times. */
  lost(cause: unknown): void;
}

/** Creates a connection over a client. */
export type CreateConnection = (
  events: ConnectionEvents,
) => Connection | Promise<Connection>;
