/**
 * Clients of the package `redis` as connections.
 *
 * @module
 */
import { STREAM_LENGTH, STREAM_TTL_S } from "../shared/streams.ts";
import type { NodeRedisLike } from "./client_like.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";

/**
 * Events after which messages may be missing: the connection broke, is reconnecting, or lost a sharded channel to
 * another node.
 */
const LOST = [
  "error",
  "end",
  "reconnecting",
  "terminated",
  "sharded-channel-moved",
];

/** The listener type of these clients. */
export type NodeRedisListener = (payload: unknown, channel: unknown) => void;

/**
 * Wraps a client.
 *
 * @param onMessage The listener. Pass the same one in each session for a user's client: the client keeps a channel
 * subscribed as long as any listener of it is registered.
 */
export function nodeRedisConnection(
  client: NodeRedisLike,
  sharded: boolean,
  { message, lost }: ConnectionEvents,
  onMessage: NodeRedisListener = (payload, channel) =>
    message(String(channel), String(payload)),
): Connection {
  const off = LOST.map((event) => {
    const listener = (cause?: unknown) =>
      lost(
        cause instanceof Error
          ? cause
          : new Error(`The client emitted "${event}"`),
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
    run: (sha, keys, args) => client.evalSha(sha, { keys, arguments: args }),
    load: (script) => client.scriptLoad(script),
    several: "masters" in client,
    // All channels of one command must be of one slot in a cluster.
    subscribe: (channels) =>
      sharded
        ? all(channels, (it) => client.sSubscribe([it], onMessage))
        : client.subscribe([...channels], onMessage),
    unsubscribe: (channels) =>
      sharded
        ? all(channels, (it) => client.sUnsubscribe([it], onMessage))
        : client.unsubscribe([...channels], onMessage),
    ping: () => client.ping(),
    connect: () => connecting = client.connect(),
    destroy: () => {
      client.on("error", () => {}); // an `error` event without a listener ends the process
      // redis 6.3 forgets a socket that is still connecting. Destroy it again later, or the process never exits.
      const again = () => client.destroy();
      connecting.then(again, again).catch(() => {}); // some versions throw if everything is closed already
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
