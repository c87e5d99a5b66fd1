/**
 * Where a client connects, and when it tries again.
 *
 * @module
 */
import type { BackoffOptions } from "../shared/backoff.ts";
import type { ClientOptions, Supplied } from "./types.ts";

/** What a connection is made of: where to, with which params, token and role. */
export type Target = readonly [
  url: string | URL,
  params: Readonly<Record<string, string>> | undefined,
  token: string | undefined,
  role: string,
];

/** Asks the application, anew at every attempt. */
export function targetOf(
  { url, role, params, token }: ClientOptions,
): Promise<Target> {
  return Promise.all([supply(url), supply(params), supply(token), role]);
}

/**
 * Makes the address to dial; in a browser it may be a path.
 *
 * @throws {TypeError} When it is no URL of a server
 */
export function addressOf(
  url: string | URL,
  params?: Readonly<Record<string, string>>,
): string {
  try {
    const address = new URL(url || "http://", globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    for (const [name, value] of Object.entries(params ?? {})) {
      address.searchParams.set(name, value);
    }
    if (/^wss?:$/.test(address.protocol)) return address.href;
  } catch {
    // as below
  }
  throw new TypeError(
    `Cannot connect to ${
      JSON.stringify(url)
    }: it is no such URL, must start with ws:, wss:, http: or https:`,
  );
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
