/** What the nodes of the cluster suite make their adapter with. */
import {
  createRedisAdapter,
  type RedisAdapterOptions,
} from "../../adapters/redis.ts";
import type { Adapter } from "../../src/seams/adapter.ts";

export function createAdapter(options: RedisAdapterOptions): Adapter {
  return createRedisAdapter(options);
}
