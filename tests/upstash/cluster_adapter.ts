/** What the nodes of the cluster suite make their adapter with. */
import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import type { Adapter } from "../../src/adapter.ts";

export function createAdapter(options: UpstashAdapterOptions): Adapter {
  return createUpstashAdapter(options);
}
