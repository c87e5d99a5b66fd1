// The adapters that a node can be started with.
import type { Adapter } from "@super-line/edge";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import { createUpstashAdapter } from "@super-line/edge/adapters/upstash";

/** Where the brokers are, and what this app's channels start with on them. */
export interface Brokers {
  readonly redisUrl: string;
  /** The same Redis over REST. */
  readonly upstash: { readonly url: string; readonly token: string };
  readonly namespace: string;
  /** Which of the nodes this one is, from 0. */
  readonly place: number;
}

const adapters: Record<string, (brokers: Brokers) => Adapter> = {
  redis: ({ redisUrl, namespace }) =>
    createRedisAdapter({ url: redisUrl, namespace }),
  upstash: ({ upstash, namespace }) =>
    createUpstashAdapter({ ...upstash, namespace }),
  // One node on TCP, one over REST: each writes what the other reads.
  mixed: ({ redisUrl, upstash, namespace, place }) =>
    place % 2 === 0
      ? createRedisAdapter({ url: redisUrl, namespace, bridge: true })
      : createUpstashAdapter({ ...upstash, namespace, bridge: true }),
};

/** What `--adapter` may be. */
export const adapterNames = Object.keys(adapters);

/** Whether an adapter needs Redis over REST. */
export function needsUpstash(name: string): boolean {
  return name === "upstash" || name === "mixed";
}

/** Creates an adapter by its name. */
export function createAdapter(name: string, brokers: Brokers): Adapter {
  const create = adapters[name];
  if (create) return create(brokers);
  throw new TypeError(
    `Cannot create adapter "${name}": must be ${adapterNames.join(" or ")}`,
  );
}
