/** What the page's programs leave to the reader. */
import type { Server } from "node:http";
import type { createRedisAdapter } from "@super-line/edge/adapters/redis";

export interface Given {
  /** The page's, whose URL leads to where the test says. */
  readonly createRedisAdapter: typeof createRedisAdapter;
  readonly server: Server;
}
