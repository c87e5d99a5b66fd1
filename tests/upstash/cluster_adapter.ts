/** What the nodes of the cluster suite make their adapter with: over REST, or on TCP where they have `redisUrl`. */
import { createRedisAdapter } from "../../adapters/redis.ts";
import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import type { Adapter } from "../../src/seams/adapter.ts";

export function createAdapter(
  { redisUrl: url, ...options }: UpstashAdapterOptions & { redisUrl?: string },
): Adapter {
  const { namespace = "", bridge = false } = options;
  return url === undefined
    ? createUpstashAdapter(options)
    : createRedisAdapter({ url, namespace, bridge });
}
