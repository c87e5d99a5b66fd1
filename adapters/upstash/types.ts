/**
 * What is used of a client of Upstash Redis, by structure.
 *
 * @module
 */

/** A client of the package `@upstash/redis`, with any settings, or one of the same shape. */
export interface UpstashClientLike {
  /** Reads streams from given ids on. */
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

/** Gives the client for one request; one that can ends the request by the signal. */
export type MakeClient = (signal: AbortSignal) => Promise<UpstashClientLike>;

/** Commands of a client that leave together. */
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
  /** Shortens a stream. */
  xtrim(
    key: string,
    options: { strategy: "MAXLEN"; exactness: "="; threshold: number },
  ): unknown;
  /** Reads a stream's end. */
  xrevrange(key: string, end: string, start: string, count: number): unknown;
  /** Lets a key go after a while. */
  expire(key: string, seconds: number): unknown;
  /** Publishes. */
  publish(channel: string, message: string): unknown;
  /** Sends them, and gives a result or an error for each. */
  exec(options: { keepErrors: true }): Promise<unknown>;
}
