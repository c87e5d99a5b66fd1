/**
 * The client that the adapter makes itself.
 *
 * @module
 */
import type { UpstashClientLike } from "./client_like.ts";

/** Where it asks. */
export interface Target {
  readonly url: string;
  readonly token: string;
  /**
   * Ends what is under way. No `AbortSignal.timeout`: in workerd its timer outlives the request, and keeps an object in
   * memory.
   */
  readonly signal: () => AbortSignal;
}

/** Makes a client of the package `@upstash/redis`, which is loaded when it is needed. */
export function ownClient(target: Target): () => Promise<UpstashClientLike> {
  let client: Promise<UpstashClientLike> | undefined;
  return () => client ??= create(target);
}

async function create(
  { url, token, signal }: Target,
): Promise<UpstashClientLike> {
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
    signal,
  });
}
