// The adapters that a node can be started with.
import type { Adapter } from "@super-line/edge";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";

/** Where the brokers are, and what this app's channels start with on them. */
export interface Brokers {
  readonly redisUrl: string;
  readonly namespace: string;
}

const adapters: Record<string, (brokers: Brokers) => Adapter> = {
  redis: ({ redisUrl, namespace }) =>
    createRedisAdapter({ url: redisUrl, namespace }),
};

/** What `--adapter` may be. */
export const adapterNames = Object.keys(adapters);

/** Creates an adapter by its name. */
export function createAdapter(name: string, brokers: Brokers): Adapter {
  const create = adapters[name];
  if (create) return create(brokers);
  throw new TypeError(
    `Cannot create adapter "${name}": must be ${adapterNames.join(" or ")}`,
  );
}
