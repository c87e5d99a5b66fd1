/** Every snippet of the page runs as it is written, imports aside: on Redis and in memory, on Bun and on Node. */
import { afterAll, expect, test } from "bun:test";
import type { WebSocketConstructor } from "@super-line/edge/client";
import { RedisServer } from "../redis/redis_server.ts";
import { nodePath } from "../runtimes/places.ts";
import { scenarios } from "./seed_scenarios.ts";
import { inMemory, onRedis } from "./seed_subjects.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

const WebSocket = globalThis.WebSocket as unknown as WebSocketConstructor; // it has all that is used
const places = { Redis: onRedis(redis.url), memory: inMemory };
for (const [place, createSubject] of Object.entries(places)) {
  for (const { name, run } of scenarios) {
    test(`${place}: ${name}`, () => run({ ...createSubject(), WebSocket }));
  }
}

test("all of them on Node", async () => {
  const outdir = `${import.meta.dir}/../../node_modules/.cache/super-line-seed`;
  const { success, logs } = await Bun.build({
    entrypoints: [`${import.meta.dir}/seed_program.ts`],
    outdir,
    target: "node",
    format: "esm",
  });
  if (!success) throw new AggregateError(logs, "Cannot bundle for Node");
  const child = Bun.spawn(
    [nodePath("20"), `${outdir}/seed_program.js`, redis.url],
    { stdout: "pipe", stderr: "inherit" },
  );
  const outcomes = JSON.parse(await new Response(child.stdout).text());
  expect(outcomes).toEqual([...scenarios, ...scenarios].map(() => "ok"));
  expect(await child.exited).toBe(0); // by itself: everything was closed
}, 60_000);
