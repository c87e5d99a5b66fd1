/**
 * Clients that the user passes, detected by their methods.
 *
 * @module
 */
import { bunRedisConnection } from "./bun_redis.ts";
import type {
  BunRedisLike,
  IoRedisLike,
  NodeRedisLike,
  RedisClientLike,
} from "./client_like.ts";
import type { ConnectionEvents, CreateConnection } from "./connection.ts";
import { ioRedisConnection } from "./ioredis.ts";
import { nodeRedisConnection, type NodeRedisListener } from "./node_redis.ts";
import type { ClientSource } from "./connections.ts";

/**
 * Uses one client and a duplicate of it that subscribes, or two clients.
 *
 * @throws {TypeError} For a client of an unsupported type
 */
export function userClientSource(
  publisher: RedisClientLike,
  subscriber: RedisClientLike | undefined,
  sharded: boolean,
): ClientSource {
  const publishing = useOf(publisher, sharded);
  const subscribing = subscriber && useOf(subscriber, sharded);
  const usesSubscriber = subscribing !== undefined &&
    !subscribing.losesSubscriptions;
  return {
    publisher: publishing.use,
    subscriber: usesSubscriber
      ? subscribing.use
      : (subscribing ?? publishing).duplicate,
    owns: { publisher: false, subscriber: !usesSubscriber },
  };
}

/** How to use a client. */
interface ClientUse {
  readonly use: CreateConnection;
  readonly duplicate: CreateConnection;
  /**
   * Whether the client may lose its subscriptions in its own reconnect. Then a duplicate subscribes, which is closed
   * with its connection.
   */
  readonly losesSubscriptions?: true;
}

function useOf(client: RedisClientLike, sharded: boolean): ClientUse {
  if (isNodeRedis(client)) {
    let session: ConnectionEvents;
    const onMessage: NodeRedisListener = (payload, channel) =>
      session.message(String(channel), String(payload));
    return {
      use: (events) =>
        nodeRedisConnection(client, sharded, session = events, onMessage),
      duplicate: (events) =>
        nodeRedisConnection(client.duplicate(), sharded, events),
    };
  }
  if (isIoRedis(client)) {
    return {
      use: (events) => ioRedisConnection(client, sharded, events),
      duplicate: (events) =>
        ioRedisConnection(
          client.isCluster
            ? client.duplicate() // takes other arguments; its first "close" ends the session
            : client.duplicate({ retryStrategy: null, autoResubscribe: false }),
          sharded,
          events,
        ),
    };
  }
  if (isBunRedis(client)) {
    if (sharded) {
      throw new TypeError(
        "Cannot create the Redis adapter: Bun's RedisClient has no SSUBSCRIBE, must be a client of redis or ioredis if sharded is true",
      );
    }
    return {
      use: (events) => bunRedisConnection(client, events),
      duplicate: async (events) =>
        bunRedisConnection(await client.duplicate(), events),
      losesSubscriptions: true, // oven-sh/bun#33450; subscribing again does not always help (Bun 1.4)
    };
  }
  throw new TypeError(
    "Cannot create the Redis adapter: unsupported client type, must be node-redis, ioredis or Bun's RedisClient",
  );
}

function isNodeRedis(client: RedisClientLike): client is NodeRedisLike {
  return "sSubscribe" in client && "sPublish" in client;
}

function isIoRedis(client: RedisClientLike): client is IoRedisLike {
  return "ssubscribe" in client && "pipeline" in client;
}

function isBunRedis(client: RedisClientLike): client is BunRedisLike {
  return "onconnect" in client && "onclose" in client;
}
