/**
 * The structural types of the Redis clients that users can pass.
 *
 * @module
 */

/** The members used of a client of the package `redis`. */
export interface NodeRedisLike {
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Publishes to a sharded channel. */
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
  /** Sets a key's time to live. */
  expire(key: string, seconds: number): Promise<unknown>;
  /** Runs a script. */
  eval(
    script: string,
    options: { keys: string[]; arguments: string[] },
  ): Promise<unknown>;
  /** Runs a script that was loaded. */
  evalSha(
    sha: string,
    options: { keys: string[]; arguments: string[] },
  ): Promise<unknown>;
  /** Loads a script. */
  scriptLoad(script: string): Promise<unknown>;
  /** Subscribes. The library subscribes again after a reconnect. */
  subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Subscribes to sharded channels. */
  sSubscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(
    channels: string[],
    listener: (message: unknown, channel: unknown) => void,
  ): Promise<unknown>;
  /** Ends subscriptions to sharded channels. */
  sUnsubscribe(
    channels: string[],
    listener: (message: unknown, channel: unknown) => void,
  ): Promise<unknown>;
  /** Sends PING. */
  ping(): Promise<unknown>;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Closes the connection at once. */
  destroy(): void;
  /** Creates another client with the same settings. */
  duplicate(): NodeRedisLike;
  /** Adds an event listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Removes an event listener. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** The members used of a client of the package `ioredis`. */
export interface IoRedisLike {
  /** `true` for a client of a Redis Cluster. */
  readonly isCluster?: boolean;
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Publishes to a sharded channel. */
  spublish(channel: string, message: string): Promise<unknown>;
  /** Subscribes. */
  subscribe(...channels: string[]): Promise<unknown>;
  /** Subscribes to sharded channels. */
  ssubscribe(...channels: string[]): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(...channels: string[]): Promise<unknown>;
  /** Ends subscriptions to sharded channels. */
  sunsubscribe(...channels: string[]): Promise<unknown>;
  /** Sends PING. */
  ping(): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  /** Runs a script that was loaded. */
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  /** Loads a script. */
  script(command: "LOAD", script: string): Promise<unknown>;
  /** Starts a pipeline. */
  pipeline(): IoRedisPipelineLike;
  /** Closes the connection at once. */
  disconnect(): void;
  /** Creates another client with the same settings. */
  duplicate(override?: object): IoRedisLike;
  /** Adds an event listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Removes an event listener. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** A pipeline of ioredis: commands that are sent together. */
export interface IoRedisPipelineLike {
  /** Adds a PUBLISH. */
  publish(channel: string, message: string): unknown;
  /** Adds an SPUBLISH. */
  spublish(channel: string, message: string): unknown;
  /** Adds an EVALSHA. */
  evalsha(sha: string, keys: number, ...args: string[]): unknown;
  /** Adds an XADD. */
  xadd(...args: string[]): unknown;
  /** Adds an EXPIRE. */
  expire(key: string, seconds: number): unknown;
  /** Sends the commands. */
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** The members used of Bun's built-in `RedisClient`. */
export interface BunRedisLike {
  /** Called when connected, also after a reconnect. */
  onconnect: unknown;
  /** Called when the connection was closed. */
  onclose: unknown;
  /** Publishes. */
  publish(channel: string, message: string): Promise<unknown>;
  /** Sends any command. */
  send(command: string, args: string[]): Promise<unknown>;
  /** Subscribes. After a reconnect the client receives nothing. */
  subscribe(
    channels: string[],
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /** Ends a subscription. */
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Sends PING. */
  ping(): Promise<unknown>;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Closes the connection at once. */
  close(): void;
  /** Creates another client with the same settings. */
  duplicate(): Promise<BunRedisLike>;
}

/** A client of the package `redis` or `ioredis`, or Bun's built-in one. Detected by its methods. */
export type RedisClientLike = NodeRedisLike | IoRedisLike | BunRedisLike;
