/**
 * The structural type of an Upstash Redis client.
 *
 * @module
 */

/** A client of the package `@upstash/redis` with any settings, or an object of the same shape. */
export interface UpstashClientLike {
  /** Reads the entries after given ids. */
  xread(
    keys: string[],
    ids: string[],
    options: { count: number },
  ): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** Collects commands for one request. */
  pipeline(): UpstashPipelineLike;
}

/** Returns the client for one request. A client that can, aborts the request with the signal. */
export type MakeClient = (signal: AbortSignal) => Promise<UpstashClientLike>;

/** Commands that are sent in one request. */
export interface UpstashPipelineLike {
  /** Adds an entry. */
  xadd(
    key: string,
    id: "*",
    fields: Record<string, string>,
    options: {
      trim: { type: "MAXLEN"; comparison: "~"; threshold: number };
    },
  ): unknown;
  /** Trims a stream. */
  xtrim(
    key: string,
    options: { strategy: "MAXLEN"; exactness: "="; threshold: number },
  ): unknown;
  /** Reads the end of a stream. */
  xrevrange(key: string, end: string, start: string, count: number): unknown;
  /** Sets a key's time to live. */
  expire(key: string, seconds: number): unknown;
  /** Publishes. */
  publish(channel: string, message: string): unknown;
  /** Sends the commands, and returns a result or an error for each. */
  exec(options: { keepErrors: true }): Promise<unknown>;
}
