/**
 * Bun's own client.
 *
 * @module
 */
import { STREAM_TTL_S, xaddArgs } from "../shared/streams.ts";
import type { BunRedisLike } from "./client_like.ts";
import type { Face, FaceEvents } from "./connection.ts";

/** Wraps one. It has no sharded subscriptions. */
export function bunRedisFace(
  client: BunRedisLike,
  { message, lost }: FaceEvents,
): Face {
  let answered = false;
  let released = false;
  const heard = (payload: string, channel: string) => message(channel, payload);
  const theirs = { onconnect: client.onconnect, onclose: client.onclose };
  client.onconnect = function (this: unknown, ...args: unknown[]) {
    // Bun 1.4: after a reconnect `connected` is true, and nothing is subscribed (oven-sh/bun#33450).
    if (answered) lost(new Error("The client reconnected"));
    return forward(theirs.onconnect, this, args);
  };
  client.onclose = function (this: unknown, ...args: unknown[]) {
    lost(args[0] ?? new Error("The connection was closed"));
    return forward(theirs.onclose, this, args);
  };
  return {
    publish: (channel, payload) => client.publish(channel, payload),
    append: ({ key, fields, renew }) => {
      const added = client.send("XADD", xaddArgs(key, fields));
      if (!renew) return added;
      return Promise.all([
        added,
        client.send("EXPIRE", [key, `${STREAM_TTL_S}`]),
      ]);
    },
    evaluate: (script, keys, args) =>
      client.send("EVAL", [script, `${keys.length}`, ...keys, ...args]),
    subscribe: (channels) => client.subscribe([...channels], heard),
    // Throws synchronously where nothing is subscribed.
    unsubscribe: async (channels) => await client.unsubscribe([...channels]),
    ping: async () => {
      await client.ping();
      answered = true;
    },
    connect: async () => {
      await client.connect();
      answered = true;
    },
    destroy: () => client.close(),
    release: () => {
      if (released) return;
      released = true;
      client.onconnect = theirs.onconnect;
      client.onclose = theirs.onclose;
    },
  };
}

function forward(handler: unknown, self: unknown, args: unknown[]): unknown {
  return typeof handler === "function"
    ? Reflect.apply(handler, self, args)
    : undefined;
}
