/**
 * Between what came from the server and the functions of the application.
 *
 * @module
 */
import { remoteError } from "../wire/errors.ts";
import type { Validated } from "../contract/schema.ts";

export type Fn = (payload: never) => void;

/** Runs a function of the application's: what it throws, now or later, goes to `failed`. */
export function run(
  fn: Fn,
  payload: unknown,
  failed: (error: unknown) => void,
): void {
  try {
    const result: unknown = fn(payload as never); // typed where it was passed
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** @throws {SocketError} VALIDATION, with the issues, when the schema refused */
export function accepted(
  checked: Validated | Promise<Validated>,
  name: string,
): unknown {
  // An asynchronous schema of an event is refused: order would be lost.
  if (checked instanceof Promise) checked.catch(() => {});
  else if (checked.ok) return checked.value;
  throw remoteError(
    "VALIDATION",
    `What the server sent as "${name}" was refused`,
    { issues: (checked as { issues?: unknown }).issues },
  );
}
