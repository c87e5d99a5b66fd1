import { createRedisAdapter } from "../../adapters/redis.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import type { AdapterSubject } from "../../src/testing/mod.ts";
import type { TcpProxy } from "./tcp_proxy.ts";
import type { RedisServer } from "./redis_server.ts";

/** How a test makes its adapters on a Redis. */
export type MakeAdapter = (
  url: string,
  namespace: string,
) => Adapter | Promise<Adapter>;

/** How long what the suite waits for may take. */
export const PATIENCE_MS = 15_000;

/** A Redis as the suite sees it: one server for all cases, which is killed and started again. */
export function createRedisSubject(
  server: RedisServer,
  make: MakeAdapter = (url, namespace) =>
    createRedisAdapter({ url, namespace, timeoutMs: 2_000 }),
  proxy?: TcpProxy,
): AdapterSubject {
  return {
    patienceMs: PATIENCE_MS,
    presence: true,
    log: true,
    flush: async () => void await server.command("FLUSHALL"),
    rollback: {
      save: async () => void await server.command("SAVE"),
      restore: async () => {
        await server.kill();
        await server.begin();
      },
    },
    ...(proxy && {
      lostReplies: { begin: () => proxy.mute(), end: () => proxy.unmute() },
    }),
    create: ({ namespace }) => make(proxy?.url ?? server.url, namespace),
    outage: { begin: () => server.kill(), end: () => server.begin() },
  };
}
