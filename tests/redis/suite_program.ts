// Runs the suite for the Redis adapter on whatever runtime this is, without a test runner.
import { createRedisAdapter } from "../../adapters/redis.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { adapterSuite } from "../../src/testing/mod.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { TcpProxy } from "./tcp_proxy.ts";
import { RedisServer } from "./redis_server.ts";

const server = await RedisServer.start();
const proxy = await TcpProxy.start(server.port);
const failed: string[] = [];
try {
  const subject = createRedisSubject(server, undefined, proxy);
  for (const it of adapterSuite) {
    await it.run(subject).catch((error) => failed.push(`${it.name}: ${error}`));
  }
  // Left as it is, the program must end by itself.
  const adapter = createRedisAdapter(server.url);
  adapter.open(new RecordingHost());
  await adapter.subscribe("c");
  adapter.publish("c", "x");
  await adapter.close();
} finally {
  await proxy.end();
  await server.end();
}
console.log(JSON.stringify({ cases: adapterSuite.length, failed }));
