import { afterAll } from "bun:test";
import { registerAdapterSuite } from "../adapters/register.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";

const server = await RedisServer.start();
afterAll(() => server.end());

registerAdapterSuite("Redis adapter", createRedisSubject(server));
