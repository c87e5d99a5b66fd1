import { afterAll } from "bun:test";
import { registerAdapterSuite } from "../adapters/register.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const server = await RedisServer.start();
const proxy = await TcpProxy.start(server.port);
afterAll(async () => {
  await proxy.end();
  await server.end();
});

registerAdapterSuite(
  "Redis adapter",
  createRedisSubject(server, undefined, proxy),
);
