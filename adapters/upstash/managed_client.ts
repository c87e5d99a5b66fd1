/**
 * The client that the adapter creates itself.
 *
 * @module
 */
import { loadPackage } from "../shared/load_package.ts";
import type { MakeClient } from "./types.ts";

/** The database. */
export interface Target {
  readonly url: string;
  readonly token: string;
}

/**
 * Creates clients of the package `@upstash/redis`, which is loaded when needed: one for each request, which takes 10
 * µs, so that each request can be aborted by itself.
 */
export function ownClient({ url, token }: Target): MakeClient {
  return async (signal) => {
    const { Redis } = await loadPackage(
      "@upstash/redis",
      () => import("@upstash/redis"),
    );
    return new Redis({
      url,
      token,
      automaticDeserialization: false,
      enableAutoPipelining: false,
      enableTelemetry: false,
      readYourWrites: false, // it would make reads wait for replicas; reads that need the leader go to the leader
      responseEncoding: false, // all values are UTF-8: a quarter less traffic
      retry: { retries: 0 },
      signal: () => signal, // with a signal as a value the package turns an abort into a reply
    });
  };
}
