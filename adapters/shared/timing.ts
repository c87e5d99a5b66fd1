/**
 * Waiting with a time limit.
 *
 * @module
 */
import { SocketError } from "../../src/wire/errors.ts";

/**
 * Waits for a promise, and rejects with UNAVAILABLE after `ms` milliseconds.
 *
 * @param what What did not happen, for the error's message
 */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(unavailable(`${what} within ${ms} ms`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Creates the error for a broker that cannot be reached. */
export function unavailable(message: string, cause?: unknown): SocketError {
  return new SocketError("UNAVAILABLE", message, undefined, { cause });
}
