/**
 * The client that the adapter makes itself.
 *
 * @module
 */
import type { MakeClient } from "./types.ts";

/** Where it asks. */
export interface Target {
  readonly url: string;
  readonly token: string;
}

/**
 * Makes clients of the package `@upstash/redis`, which is loaded when it is needed: one a request, which takes 10 µs, so
 * that each can be given up by itself.
 */
export function ownClient({ url, token }: Target): MakeClient {
  return async (signal) => {
    const { Redis } = await import("@upstash/redis");
    return new Redis({
      url,
      token,
      automaticDeserialization: false,
      enableAutoPipelining: false,
      enableTelemetry: false,
      readYourWrites: false, // it would make reads wait for replicas; what needs the leader asks the leader
      responseEncoding: false, // all values are UTF-8: a quarter less to carry
      retry: { retries: 0 },
      signal: () => signal, // as a value, the package would make an answer of what was aborted
    });
  };
}
