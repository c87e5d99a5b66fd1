/**
 * What the adapter needs of one client, whichever library it is of.
 *
 * @module
 */

/** One connection, which either publishes or subscribes. */
export interface Face {
  /** Sends without waiting; what one turn sends leaves together. */
  publish(channel: string, payload: string): Promise<unknown>;
  /** Adds an entry to a stream, in the order of publishes; leaves with the turn too. */
  append(entry: Appended): Promise<unknown>;
  /** Runs a script. */
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** Resolves when Redis has confirmed every channel. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** Resolves when nothing more can come on these channels. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Resolves when Redis answers. */
  ping(): Promise<unknown>;
  /** Connects one that is new; one that the user brought is connected. */
  connect(): Promise<unknown>;
  /** Ends the connection at once, and with it what is under way. */
  destroy(): void;
  /** Stops telling what happens. */
  release(): void;
}

/** An entry, for nodes that read streams. */
export interface Appended {
  readonly key: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Whether the stream's time to live is to begin anew. */
  readonly renew: boolean;
}

/** Where a client tells what happens. */
export interface FaceEvents {
  /** A payload came. */
  message(channel: string, payload: string): void;
  /** The connection broke, or may have missed something. May be told many times. */
  lost(cause: unknown): void;
}

/** Makes a face of a client. */
export type MakeFace = (events: FaceEvents) => Face | Promise<Face>;
