/**
 * Clients of the package `redis`.
 *
 * @module
 */
import { STREAM_LENGTH, STREAM_TTL_S } from "../shared/streams.ts";
import type { NodeRedisLike } from "./client_like.ts";
import type { Face, FaceEvents } from "./connection.ts";

/** Told of a connection that broke, is not yet back, or lost a sharded channel to another node. */
const LOST = [
  "error",
  "end",
  "reconnecting",
  "terminated",
  "sharded-channel-moved",
];

/** How these clients give a message. */
export type NodeRedisListener = (payload: unknown, channel: unknown) => void;

/**
 * Wraps one.
 *
 * @param heard The listener. A client of the user's must be given the same one in each session: it keeps one that it
 * was given for a channel, and would hold on to the channel for its sake.
 */
export function nodeRedisFace(
  client: NodeRedisLike,
  sharded: boolean,
  { message, lost }: FaceEvents,
  heard: NodeRedisListener = (payload, channel) =>
    message(String(channel), String(payload)),
): Face {
  const off = LOST.map((event) => {
    const listener = (cause?: unknown) =>
      lost(
        cause instanceof Error
          ? cause
          : new Error(`The client told "${event}"`),
      );
    client.on(event, listener);
    return () => client.off(event, listener);
  });
  let connecting: Promise<unknown> = Promise.resolve();
  return {
    publish: sharded
      ? (channel, payload) => client.sPublish(channel, payload)
      : (channel, payload) => client.publish(channel, payload),
    append: ({ key, fields, renew }) => {
      const added = client.xAdd(key, "*", { ...fields }, {
        TRIM: {
          strategy: "MAXLEN",
          strategyModifier: "~",
          threshold: STREAM_LENGTH,
        },
      });
      if (!renew) return added;
      return Promise.all([added, client.expire(key, STREAM_TTL_S)]);
    },
    evaluate: (script, keys, args) =>
      client.eval(script, { keys, arguments: args }),
    // In a cluster the channels of one command must be of one slot.
    subscribe: (channels) =>
      sharded
        ? all(channels, (it) => client.sSubscribe([it], heard))
        : client.subscribe([...channels], heard),
    unsubscribe: (channels) =>
      sharded
        ? all(channels, (it) => client.sUnsubscribe([it], heard))
        : client.unsubscribe([...channels], heard),
    ping: () => client.ping(),
    connect: () => connecting = client.connect(),
    destroy: () => {
      client.on("error", () => {}); // what comes of its end has no other listener, and would end the process
      // redis 6.3 forgets a socket that is still being made: what comes of it is ended later, or the process never ends.
      const again = () => client.destroy();
      connecting.then(again, again).catch(() => {}); // some versions throw where all has ended
      client.destroy();
    },
    release: () => {
      for (const stop of off) stop();
    },
  };
}

function all(
  channels: readonly string[],
  call: (channel: string) => Promise<unknown>,
): Promise<unknown> {
  return Promise.all(channels.map(call));
}
