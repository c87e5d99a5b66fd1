/**
 * A call's outcome as a value.
 *
 * @module
 */
import { isSocketError, type SocketError } from "./errors.ts";

/** What {@linkcode settle} resolves with: the value, or the failure. */
export type Outcome<T, Failure> =
  | { readonly ok: true; readonly value: T; readonly error?: undefined }
  | { readonly ok: false; readonly error: Failure; readonly value?: undefined };

/**
 * Waits for a call and gives its outcome as a value, so that failures are handled like results. Where the entry declares
 * `errors`, `error.code` tells them apart and types `error.data`.
 *
 * @param answer What a request, a question or a stream's `result` returned
 * @returns The outcome; it rejects only with what is no `SocketError`, such as an aborted signal's reason
 *
 * @example A call that may be refused
 * ```ts ignore
 * import { createClient, settle } from "@super-line/edge/client";
 *
 * const client = createClient(api, { url: "ws://localhost:3000", role: "user" });
 * const outcome = await settle(client.say({ room: "lobby", text: "hello" }));
 * if (outcome.ok) console.log(outcome.value.id);
 * else if (outcome.error.code === "RATE_LIMITED") console.log("Wait a little");
 * ```
 */
export async function settle<T, Failure = SocketError>(
  answer: Promise<T> & { readonly "~error"?: Failure },
): Promise<Outcome<T, Failure>> {
  try {
    return { ok: true, value: await answer };
  } catch (error) {
    if (!isSocketError(error)) throw error;
    return { ok: false, error: error as Failure }; // a call fails with nothing else that has a code
  }
}
