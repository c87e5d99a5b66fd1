/**
 * Where a client connects, and when it tries again.
 *
 * @module
 */
import type { BackoffOptions } from "../shared/backoff.ts";
import type { ClientOptions, Supplied } from "./types.ts";

/** Asked anew at every attempt. */
export async function addressOf(
  { url, role, params, token }: ClientOptions,
): Promise<{ url: string; token: string | undefined }> {
  const [given, query, secret] = await Promise.all([
    supply(url),
    supply(params),
    supply(token),
  ]);
  const address = new URL(given, globalThis.location?.href);
  address.protocol = address.protocol.replace("http", "ws");
  for (const [name, value] of Object.entries({ ...query, role })) {
    address.searchParams.set(name, value);
  }
  return { url: address.href, token: secret };
}

/** Absent where the application wants none. */
export function backoffOf(
  {
    reconnect = true,
    reconnectBaseMs: baseMs = 500,
    reconnectMaxMs: maxMs = 30_000,
    reconnectFactor: factor = 2,
  }: ClientOptions,
): BackoffOptions | undefined {
  return reconnect ? { baseMs, maxMs, factor } : undefined;
}

function supply<T>(value: Supplied<T>): T | Promise<T> {
  return typeof value === "function"
    ? (value as () => T | Promise<T>)()
    : value; // a T is no function here
}
