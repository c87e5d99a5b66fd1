/**
 * The error class that crosses the wire.
 *
 * @module
 */

/**
 * The codes that the library uses itself. Any other string is an application's own.
 *
 * | code | meaning | who sees it | try again |
 * |---|---|---|---|
 * | `BAD_REQUEST` | not a call the server understands | caller | no |
 * | `UNAUTHORIZED` | nobody is logged in | caller, refused client (4401) | with a new token |
 * | `FORBIDDEN` | logged in, not allowed | caller, refused client (4403) | no |
 * | `NOT_FOUND` | the role has no such entry | caller | no |
 * | `VALIDATION` | the caller's own input was refused; `data.issues` says why | caller | no |
 * | `TIMEOUT` | no answer in time | caller | when the request may run twice |
 * | `DISCONNECTED` | the connection ended while the call was under way, or it is closed | caller | when the request may run twice |
 * | `RATE_LIMITED` | a limit was hit; the message names it | caller | later |
 * | `UNAVAILABLE` | a part that is needed is away | caller, adapters | later |
 * | `INTERNAL` | the server failed; nothing of the inside is told | caller | perhaps |
 */
export type ErrorCode =
  | "BAD_REQUEST"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "VALIDATION"
  | "TIMEOUT"
  | "DISCONNECTED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL";

/**
 * An expected failure. Thrown in a handler, middleware or hook it reaches the caller as itself;
 * anything else that is thrown reaches the caller as `INTERNAL`, and `onError` as it is. So does one that came from
 * another client or node (`remote`): to pass it on, throw one of your own.
 *
 * @example Refuse a call with a code and data of your own
 * ```ts
 * import { SocketError } from "@super-line/edge";
 *
 * const error = new SocketError("SOLD_OUT", "No seat is left", { waitingList: 12 });
 * console.log(error.code, error.data);
 * ```
 */
export class SocketError extends Error {
  /** The {@linkcode ErrorCode}, or a string of the application's. */
  readonly code: ErrorCode | (string & Record<never, never>);
  /** Data for the caller. It is encoded like a payload. */
  readonly data: unknown;
  /**
   * `true` when it says what another client or node answered, or that it did not: what a client of this library,
   * `toConn(id).request` and the others reject with. Thrown on by a handler it is INTERNAL for the handler's caller.
   */
  readonly remote: boolean = false;

  /**
   * Creates an error for a caller.
   *
   * @param code The kind of failure
   * @param message For people; defaults to the code
   * @param data For programs
   * @param options `cause`, which never crosses the wire
   */
  constructor(
    code: ErrorCode | (string & Record<never, never>),
    message?: string,
    data?: unknown,
    options?: ErrorOptions,
  ) {
    super(message ?? code, options);
    this.name = "SocketError";
    this.code = code;
    this.data = data;
  }
}

/** Makes the error that says what another client or node answered, or that it did not. */
export function remoteError(
  ...given: ConstructorParameters<typeof SocketError>
): SocketError {
  return Object.assign(new SocketError(...given), { remote: true });
}

/** Tells whether what a function of the application threw is for its caller, or only for `onError`. */
export function isForCaller(error: unknown): error is SocketError {
  return isSocketError(error) && error.remote !== true; // an error of another copy of this package may not have it
}

/**
 * Tells whether a value is a {@linkcode SocketError}, also one of another copy of this package.
 *
 * @param error Any thrown value
 * @returns Whether it has a code and a message to show
 */
export function isSocketError(error: unknown): error is SocketError {
  return error instanceof Error && error.name === "SocketError" &&
    typeof (error as SocketError).code === "string"; // checked by this expression
}
