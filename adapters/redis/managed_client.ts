/**
 * The client that the adapter makes itself.
 *
 * @module
 */
import type { NodeRedisLike } from "./client_like.ts";
import type { MakeFace } from "./connection.ts";
import { nodeRedisFace } from "./node_redis.ts";

/** Where it connects to. */
export interface Target {
  /** `redis://` or `rediss://`, with user, password and database. */
  readonly url: string;
  /** How long connecting may take. */
  readonly timeoutMs: number;
  /** Whether SPUBLISH and SSUBSCRIBE are used. */
  readonly sharded: boolean;
}

/** Makes clients of the package `redis`, which is loaded at the first. Each lives until its connection breaks. */
export function ownClient(target: Target): MakeFace {
  return async (events) => {
    const client = await createNodeRedis(target);
    const face = nodeRedisFace(client, target.sharded, events);
    const command = target.sharded ? "SPUBLISH" : "PUBLISH";
    // Not the client's own method: that is an async function about the same call, and a promise more.
    const publish = (channel: string, payload: string) =>
      client.sendCommand([command, channel, payload]);
    return { ...face, publish };
  };
}

/** Makes a client that does not reconnect, and refuses what it cannot send at once. */
export async function createNodeRedis(
  { url, timeoutMs }: Omit<Target, "sharded">,
): Promise<NodeRedisLike & { sendCommand(args: string[]): Promise<unknown> }> {
  const { createClient } = await import("redis");
  return createClient({
    url,
    disableOfflineQueue: true,
    // redis 6.3 makes an AbortSignal for each command that may time out, a fifth of what a PUBLISH costs. Nothing is lost
    // by it: who is silent is found by the link, and what waits is bounded.
    commandOptions: { timeout: 0 },
    socket: { reconnectStrategy: false, connectTimeout: timeoutMs },
  }) as unknown as NodeRedisLike & {
    sendCommand(args: string[]): Promise<unknown>;
  }; // the library's own type is checked against it by the tests
}
