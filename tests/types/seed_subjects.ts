/** Where the page's `createRedisAdapter('redis://localhost:6379')` leads. */
import { createInMemoryAdapter, MemoryBus } from "@super-line/edge";
import { createRedisAdapter } from "@super-line/edge/adapters/redis";
import type { Given } from "./snippets/given.ts";

type CreateSubject = () => Pick<Given, "createRedisAdapter">;

/** To a Redis of the test's, to a namespace of its own each time. */
export function onRedis(url: string): CreateSubject {
  return () => {
    const namespace = crypto.randomUUID();
    return { createRedisAdapter: () => createRedisAdapter({ url, namespace }) };
  };
}

/** To a bus in this process: the page's default, shared by its nodes. */
export const inMemory: CreateSubject = () => {
  const bus = new MemoryBus();
  return { createRedisAdapter: () => createInMemoryAdapter(bus) };
};
