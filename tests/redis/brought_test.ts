import { afterAll, describe } from "bun:test";
import { registerAdapterSuite } from "../adapters/register.ts";
import { bunRedis, ioredis, nodeRedis } from "./brought.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";

const server = await RedisServer.start();
afterAll(() => server.end());

for (
  const [name, { make, end }] of Object.entries({
    "one client of redis": nodeRedis(false),
    "two clients of redis": nodeRedis(true),
    "one client of ioredis": ioredis(false),
    "two clients of ioredis": ioredis(true),
    "one client of Bun": bunRedis(false),
    "two clients of Bun": bunRedis(true),
  })
) {
  describe(name, () => {
    afterAll(end);
    registerAdapterSuite("brought", createRedisSubject(server, make));
  });
}
