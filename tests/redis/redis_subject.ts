import { createRedisAdapter } from "../../adapters/redis.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import type { AdapterSubject } from "../../src/testing/mod.ts";
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
): AdapterSubject {
  return {
    patienceMs: PATIENCE_MS,
    presence: true,
    create: ({ namespace }) => make(server.url, namespace),
    outage: { begin: () => server.kill(), end: () => server.begin() },
  };
}
