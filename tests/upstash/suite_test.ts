import { afterAll } from "bun:test";
import { RedisServer } from "../redis/redis_server.ts";
import { registerUpstashSuite } from "./register.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

registerUpstashSuite("Upstash adapter", { redis: redis.url });
