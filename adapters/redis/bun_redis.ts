/**
 * Bun's built-in client as a connection.
 *
 * @module
 */
import { STREAM_TTL_S, xaddArgs } from "../shared/streams.ts";
import type { BunRedisLike } from "./client_like.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";

/** Wraps a client. It has no sharded subscriptions. */
export function bunRedisConnection(
  client: BunRedisLike,
  { message, lost }: ConnectionEvents,
): Connection {
  let answered = false;
  let released = false;
  const onMessage = (payload: string, channel: string) =>
    message(channel, payload);
  const userHandlers = { onconnect: client.onconnect, onclose: client.onclose };
  client.onconnect = function (this: unknown, ...args: unknown[]) {
    // Bun 1.4: after a reconnect `connected` is true, but all subscriptions are lost (oven-sh/bun#33450).
    if (answered) lost(new Error("The client reconnected"));
    return forward(userHandlers.onconnect, this, args);
  };
  client.onclose = function (this: unknown, ...args: unknown[]) {
    lost(args[0] ?? new Error("The connection was closed"));
    return forward(userHandlers.onclose, this, args);
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
    run: (sha, keys, args) =>
      client.send("EVALSHA", [sha, `${keys.length}`, ...keys, ...args]),
    load: (script) => client.send("SCRIPT", ["LOAD", script]),
    several: false,
    subscribe: (channels) => client.subscribe([...channels], onMessage),
    // Throws synchronously if nothing is subscribed.
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
      client.onconnect = userHandlers.onconnect;
      client.onclose = userHandlers.onclose;
    },
  };
}

function forward(handler: unknown, self: unknown, args: unknown[]): unknown {
  return typeof handler === "function"
    ? Reflect.apply(handler, self, args)
    : undefined;
}
