/**
 * The clients that users may bring, by structure.
 *
 * @module
 */

/** What is used of a client of the package `redis`. */
export interface NodeRedisLike {
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Publishes to a shard. */
  sPublish(channel: string, message: string): Promise<unknown>;
  /** Adds an entry to a stream. */
  xAdd(
    key: string,
    id: "*",
    fields: Record<string, string>,
    options: {
      TRIM: {
        strategy: "MAXLEN";
        strategyModifier: "~";
        threshold: number;
      };
    },
  ): Promise<unknown>;
  /** Lets a key go after a while. */
  expire(key: string, seconds: number): Promise<unknown>;
  /** Runs a script. */
  eval(
    script: string,
    options: { keys: string[]; arguments: string[] },
  ): Promise<unknown>;
  /** Subscribes; the library does so again after a reconnect. */
  subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Subscribes in a shard. */
  sSubscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(
    channels: string[],
    listener: (message: unknown, channel: unknown) => void,
  ): Promise<unknown>;
  /** Ends a subscription in a shard. */
  sUnsubscribe(
    channels: string[],
    listener: (message: unknown, channel: unknown) => void,
  ): Promise<unknown>;
  /** Asks for an answer. */
  ping(): Promise<unknown>;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Ends at once. */
  destroy(): void;
  /** Makes another client of the same settings. */
  duplicate(): NodeRedisLike;
  /** Hears an event. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Hears it no more. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** What is used of a client of the package `ioredis`. */
export interface IoRedisLike {
  /** Whether it speaks to a Redis Cluster. */
  readonly isCluster?: boolean;
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Publishes to a shard. */
  spublish(channel: string, message: string): Promise<unknown>;
  /** Subscribes. */
  subscribe(...channels: string[]): Promise<unknown>;
  /** Subscribes in a shard. */
  ssubscribe(...channels: string[]): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(...channels: string[]): Promise<unknown>;
  /** Ends a subscription in a shard. */
  sunsubscribe(...channels: string[]): Promise<unknown>;
  /** Asks for an answer. */
  ping(): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  /** Sends several commands together. */
  pipeline(): IoRedisPipelineLike;
  /** Ends at once. */
  disconnect(): void;
  /** Makes another client of the same settings. */
  duplicate(override?: object): IoRedisLike;
  /** Hears an event. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Hears it no more. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Commands of ioredis that leave together. */
export interface IoRedisPipelineLike {
  /** Adds a publish. */
  publish(channel: string, message: string): unknown;
  /** Adds a publish to a shard. */
  spublish(channel: string, message: string): unknown;
  /** Adds the adding of an entry to a stream. */
  xadd(...args: string[]): unknown;
  /** Adds the limiting of a key's life. */
  expire(key: string, seconds: number): unknown;
  /** Sends them. */
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** What is used of Bun's own `RedisClient`. */
export interface BunRedisLike {
  /** Runs when connected, also after a reconnect. */
  onconnect: unknown;
  /** Runs when the connection has ended. */
  onclose: unknown;
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Sends any command. */
  send(command: string, args: string[]): Promise<unknown>;
  /** Subscribes; after a reconnect the client is deaf. */
  subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Asks for an answer. */
  ping(): Promise<unknown>;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Ends at once. */
  close(): void;
  /** Makes another client of the same settings. */
  duplicate(): Promise<BunRedisLike>;
}

/** A client of the package `redis` or `ioredis`, or Bun's own. Recognised by what it can do. */
export type RedisClientLike = NodeRedisLike | IoRedisLike | BunRedisLike;
