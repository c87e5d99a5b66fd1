import {
  createUpstashAdapter,
  type UpstashAdapterOptions,
} from "../../adapters/upstash.ts";
import type { AdapterSubject } from "../../src/testing/mod.ts";
import type { UpstashServer } from "../../src/testing/upstash/mod.ts";

/** What the suite needs: as the defaults, but for waits, which a test would only spend. */
export const QUICK = {
  minIntervalMs: 10,
  maxIntervalMs: 200,
  timeoutMs: 3_000,
} satisfies UpstashAdapterOptions;

/** How long what the suite waits for may take. */
export const PATIENCE_MS = 20_000;

/** A local Upstash as the suite sees it: one for all cases, that goes away and comes back. */
export function createUpstashSubject(
  server: UpstashServer,
  options: UpstashAdapterOptions = { url: server.url, token: server.token },
): AdapterSubject {
  return {
    patienceMs: PATIENCE_MS,
    presence: true,
    create: ({ namespace }) =>
      createUpstashAdapter({
        ...QUICK,
        onGap: () => {},
        ...options,
        namespace,
      }),
    outage: { begin: () => server.pause(), end: () => server.resume() },
  };
}
