/**
 * Waiting with a bound.
 *
 * @module
 */
import { SocketError } from "../../src/wire/errors.ts";

/** Gives a promise's outcome, or rejects after a while. */
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

/** What callers see when the broker cannot be reached. */
export function unavailable(message: string, cause?: unknown): SocketError {
  return new SocketError("UNAVAILABLE", message, undefined, { cause });
}
