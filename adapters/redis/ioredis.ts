/**
 * Clients of the package `ioredis` as connections.
 *
 * @module
 */
import { STREAM_TTL_S, xaddArgs } from "../shared/streams.ts";
import type { IoRedisLike, IoRedisPipelineLike } from "./client_like.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";

const LOST = ["error", "close", "end", "reconnecting"];

/** Wraps a client. */
export function ioRedisConnection(
  client: IoRedisLike,
  sharded: boolean,
  { message, lost }: ConnectionEvents,
): Connection {
  const onMessage = (channel: unknown, payload: unknown) =>
    message(channel as string, payload as string); // the arguments of these events
  const off = [
    listen(sharded ? "smessage" : "message", onMessage),
    ...LOST.map((event) =>
      listen(event, (cause) =>
        lost(
          cause instanceof Error
            ? cause
            : new Error(`The client emitted "${event}"`),
        ))
    ),
  ];
  function listen(event: string, listener: (...args: unknown[]) => void) {
    client.on(event, listener);
    return () => client.off(event, listener);
  }

  // Without a pipeline ioredis writes each command by itself: 29 times the reads on the Redis side, measured.
  let turn: ((pipeline: IoRedisPipelineLike) => unknown)[] = [];
  let sent: Promise<readonly [Error | null, unknown][] | null> | undefined;
  const send = () => {
    const pipeline = client.pipeline();
    for (const add of turn) add(pipeline);
    turn = [];
    sent = undefined;
    return pipeline.exec();
  };
  const one =
    (at: number) => (results: readonly [Error | null, unknown][] | null) => {
      const error = results?.[at]?.[0];
      if (error) throw error;
      return results?.[at]?.[1];
    };

  const single = (channel: string, payload: string) =>
    sharded
      ? client.spublish(channel, payload)
      : client.publish(channel, payload);
  const together = (add: (pipeline: IoRedisPipelineLike) => unknown) => {
    const at = turn.push(add) - 1;
    sent ??= Promise.resolve().then(send);
    return sent.then(one(at));
  };

  return {
    // All commands of a pipeline must be of one slot in a cluster.
    publish: client.isCluster
      ? single
      : (channel, payload) =>
        together((it) =>
          sharded ? it.spublish(channel, payload) : it.publish(channel, payload)
        ),
    append: ({ key, fields, renew }) => {
      const added = together((it) => it.xadd(...xaddArgs(key, fields)));
      if (!renew) return added;
      return Promise.all([
        added,
        together((it) => it.expire(key, STREAM_TTL_S)),
      ]);
    },
    evaluate: (script, keys, args) =>
      client.eval(script, keys.length, ...keys, ...args),
    run: (sha, keys, args) =>
      client.isCluster
        ? client.evalsha(sha, keys.length, ...keys, ...args)
        : together((it) => it.evalsha(sha, keys.length, ...keys, ...args)),
    load: (script) => client.script("LOAD", script),
    several: client.isCluster === true,
    // All channels of one command must be of one slot in a cluster.
    subscribe: (channels) =>
      sharded
        ? Promise.all(channels.map((it) => client.ssubscribe(it)))
        : client.subscribe(...channels),
    unsubscribe: (channels) =>
      sharded
        ? Promise.all(channels.map((it) => client.sunsubscribe(it)))
        : client.unsubscribe(...channels),
    ping: () => client.ping(),
    connect: () => client.ping(), // it connects by itself
    destroy: () => {
      client.on("error", () => {}); // without a listener ioredis logs these errors to the console
      client.disconnect();
    },
    release: () => {
      for (const stop of off) stop();
    },
  };
}
