/**
 * The client that the adapter creates itself.
 *
 * @module
 */
import type { NodeRedisLike } from "./client_like.ts";
import type { CreateConnection } from "./connection.ts";
import { loadPackage } from "../shared/load_package.ts";
import { nodeRedisConnection } from "./node_redis.ts";

/** Where the client connects to. */
export interface Target {
  /** `redis://` or `rediss://`, with user, password and database. */
  readonly url: string;
  /** How long connecting may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to use SPUBLISH and SSUBSCRIBE. */
  readonly sharded: boolean;
}

/**
 * Creates clients of the package `redis`, which is loaded at the first call. Each client lives until its connection
 * breaks.
 */
export function managedClient(target: Target): CreateConnection {
  return async (events) => {
    const client = await createNodeRedis(target);
    const connection = nodeRedisConnection(client, target.sharded, events);
    const command = target.sharded ? "SPUBLISH" : "PUBLISH";
    // Not the client's `publish`: it is an async function around the same call, which costs one more promise.
    const publish = (channel: string, payload: string) =>
      client.sendCommand([command, channel, payload]);
    const run = (sha: string, keys: string[], args: string[]) =>
      client.sendCommand(["EVALSHA", sha, `${keys.length}`, ...keys, ...args]);
    return { ...connection, publish, run };
  };
}

/** Creates a client that does not reconnect, and rejects commands at once while it is offline. */
export async function createNodeRedis(
  { url, timeoutMs }: Omit<Target, "sharded">,
): Promise<NodeRedisLike & { sendCommand(args: string[]): Promise<unknown> }> {
  const { createClient } = await loadPackage("redis", () => import("redis"));
  return createClient({
    url,
    disableOfflineQueue: true,
    // redis 6.3 creates an AbortSignal for each command with a timeout, a fifth of the cost of a PUBLISH. The link
    // detects a silent server, and the number of unconfirmed publishes is bounded.
    commandOptions: { timeout: 0 },
    socket: { reconnectStrategy: false, connectTimeout: timeoutMs },
  }) as unknown as NodeRedisLike & {
    sendCommand(args: string[]): Promise<unknown>;
  }; // the tests check the library's own type against this one
}
