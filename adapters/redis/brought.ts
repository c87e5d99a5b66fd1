/**
 * Clients that the user brought, recognised by what they can do.
 *
 * @module
 */
import { bunRedisFace } from "./bun_redis.ts";
import type {
  BunRedisLike,
  IoRedisLike,
  NodeRedisLike,
  RedisClientLike,
} from "./client_like.ts";
import type { MakeFace } from "./face.ts";
import { ioRedisFace } from "./ioredis.ts";
import { nodeRedisFace } from "./node_redis.ts";
import type { Source } from "./pair.ts";

/**
 * Uses one client, of which a duplicate subscribes, or two.
 *
 * @throws {TypeError} For a client that is none that is known
 */
export function broughtSource(
  publisher: RedisClientLike,
  subscriber: RedisClientLike | undefined,
  sharded: boolean,
): Source {
  return {
    publisher: recognise(publisher, sharded).use,
    subscriber: subscriber
      ? recognise(subscriber, sharded).use
      : recognise(publisher, sharded).duplicate,
    owns: { publisher: false, subscriber: !subscriber },
  };
}

function recognise(
  client: RedisClientLike,
  sharded: boolean,
): { readonly use: MakeFace; readonly duplicate: MakeFace } {
  if (isNodeRedis(client)) {
    return {
      use: (events) => nodeRedisFace(client, sharded, events),
      duplicate: (events) => nodeRedisFace(client.duplicate(), sharded, events),
    };
  }
  if (isIoRedis(client)) {
    return {
      use: (events) => ioRedisFace(client, sharded, events),
      duplicate: (events) =>
        ioRedisFace(
          client.duplicate({ retryStrategy: null, autoResubscribe: false }),
          sharded,
          events,
        ),
    };
  }
  if (isBunRedis(client)) {
    if (sharded) {
      throw new TypeError(
        "Cannot create the Redis adapter: Bun's own client has no SSUBSCRIBE, must be a client of redis or ioredis when sharded is true",
      );
    }
    return {
      use: (events) => bunRedisFace(client, events, false),
      duplicate: async (events) =>
        bunRedisFace(await client.duplicate(), events, true),
    };
  }
  throw new TypeError(
    "Cannot create the Redis adapter: the client is none that is known, must be one of the packages redis or ioredis, or Bun's own",
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
