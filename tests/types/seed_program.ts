/** Runs the page's scenarios on Node, over the Redis whose URL is given and in memory: one line of JSON. */
import process from "node:process";
import { WebSocket as Ws } from "ws";
import type { WebSocketConstructor } from "@super-line/edge/client";
import { scenarios } from "./seed_scenarios.ts";
import { inMemory, onRedis } from "./seed_subjects.ts";

const WebSocket = (globalThis.WebSocket ??
  Ws) as unknown as WebSocketConstructor; // either has all that is used
const outcomes: string[] = [];
for (const createSubject of [onRedis(process.argv[2] ?? ""), inMemory]) {
  for (const { name, run } of scenarios) {
    const { createRedisAdapter } = createSubject();
    outcomes.push(
      await run({ createRedisAdapter, WebSocket })
        .then(() => "ok", (error) => `${name}: ${error}`),
    );
  }
}
console.log(JSON.stringify(outcomes));
