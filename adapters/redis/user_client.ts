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
import type { FaceEvents, MakeFace } from "./connection.ts";
import { ioRedisFace } from "./ioredis.ts";
import { nodeRedisFace, type NodeRedisListener } from "./node_redis.ts";
import type { Source } from "./connections.ts";

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
  const publishing = recognise(publisher, sharded);
  const subscribing = subscriber && recognise(subscriber, sharded);
  const asItIs = subscribing !== undefined && !subscribing.deafened;
  return {
    publisher: publishing.use,
    subscriber: asItIs
      ? subscribing.use
      : (subscribing ?? publishing).duplicate,
    owns: { publisher: false, subscriber: !asItIs },
  };
}

/** How a client is used. */
interface Recognised {
  readonly use: MakeFace;
  readonly duplicate: MakeFace;
  /** Whether it may be deaf after a reconnect of its own: then a duplicate subscribes, which ends with its connection. */
  readonly deafened?: true;
}

function recognise(client: RedisClientLike, sharded: boolean): Recognised {
  if (isNodeRedis(client)) {
    let session: FaceEvents;
    const heard: NodeRedisListener = (payload, channel) =>
      session.message(String(channel), String(payload));
    return {
      use: (events) => nodeRedisFace(client, sharded, session = events, heard),
      duplicate: (events) => nodeRedisFace(client.duplicate(), sharded, events),
    };
  }
  if (isIoRedis(client)) {
    return {
      use: (events) => ioRedisFace(client, sharded, events),
      duplicate: (events) =>
        ioRedisFace(
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
        "Cannot create the Redis adapter: Bun's own client has no SSUBSCRIBE, must be a client of redis or ioredis when sharded is true",
      );
    }
    return {
      use: (events) => bunRedisFace(client, events),
      duplicate: async (events) =>
        bunRedisFace(await client.duplicate(), events),
      deafened: true, // oven-sh/bun#33450, and subscribing again does not help every time (Bun 1.4)
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
