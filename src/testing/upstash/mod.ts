/**
 * A local Upstash: its REST API in front of a Redis of yours, with faults on demand and counters of what it would bill.
 *
 * @example For an app's tests
 * ```ts ignore
 * import { createUpstashServer } from "@super-line/edge/testing/upstash";
 *
 * const upstash = await createUpstashServer({ redis: "redis://localhost:6379" });
 * upstash.trouble({ rate: 0.2 });
 * console.log(upstash.url, upstash.token, upstash.counters.commands);
 * await upstash.close();
 * ```
 *
 * @module
 */
export { upstashFaults } from "./faults.ts";
export type { UpstashFault, UpstashTroubles } from "./faults.ts";
export type { UpstashCounters } from "./runner.ts";
export { createUpstashServer } from "./server.ts";
export type { UpstashServer, UpstashServerOptions } from "./server.ts";
