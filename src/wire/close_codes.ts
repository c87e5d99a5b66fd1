/**
 * The WebSocket close codes of the protocol, and what a client does after each.
 *
 * @module
 */
import { utf8 } from "./bytes.ts";

// Separate constants, so that a client bundle holds only those it uses.
/** See {@linkcode CloseCode}. */
export const NORMAL = 1000;
/** See {@linkcode CloseCode}. */
export const ABNORMAL = 1006;
/** See {@linkcode CloseCode}. */
export const BAD_PROTOCOL = 4400;
/** See {@linkcode CloseCode}. */
export const HEARTBEAT_LOST = 4408;
const POLICY = 1008;
const OVERLOAD = 1013;
const UNAUTHORIZED = 4401;
const FORBIDDEN = 4403;
const KICKED = 4409;
const EXPIRED = 4410;

// Literal types, since declarations are generated file by file without inferring values.
/** The close code of each reason for which either side ends a connection. */
export const CloseCode = {
  /** Normal closure. A client that closes itself does not reconnect. */
  normal: NORMAL as 1000,
  /** The server or the page is going away. */
  goingAway: 1001,
  /** No close frame arrived (RFC 6455 §7.4.1: 1006 is never sent). */
  abnormal: ABNORMAL as 1006,
  /** A policy was violated, such as by ten malformed frames. */
  policy: POLICY as 1008,
  /** A message was larger than `maxMessageBytes`. */
  tooBig: 1009,
  /** The server failed before the connection was ready. */
  internal: 1011,
  /** The server is restarting. */
  restart: 1012,
  /** The server is overloaded, or the peer reads too slowly. */
  overload: OVERLOAD as 1013,
  /** The peer violates the protocol. */
  badProtocol: BAD_PROTOCOL as 4400,
  /** Not authenticated. */
  unauthorized: UNAUTHORIZED as 4401,
  /** Authenticated, but not allowed. */
  forbidden: FORBIDDEN as 4403,
  /** The peer sent nothing for too long. */
  heartbeatLost: HEARTBEAT_LOST as 4408,
  /** The application ended the connection for good. */
  kicked: KICKED as 4409,
  /** The login has expired. */
  expired: EXPIRED as 4410,
} as const;

/** What a client does after a close: not reconnect, reconnect with back-off, at once, or after the longest wait. */
export type Comeback = "never" | "backoff" | "now" | "late";

const NEVER = [BAD_PROTOCOL, UNAUTHORIZED, FORBIDDEN, KICKED];

/** Returns what a client does after the server closed with a code. */
export function comebackAfter(code: number): Comeback {
  if (NEVER.includes(code)) return "never";
  if (code === EXPIRED) return "now";
  return code === POLICY || code === OVERLOAD ? "late" : "backoff";
}

/**
 * Returns a code that can be sent: reserved and invalid codes become 1000.
 *
 * RFC 6455 §7.4: 1005, 1006 and 1015 are never sent. Runtimes throw on other invalid codes, or drop the connection.
 */
export function sendableCode(code: number): number {
  const assigned = code >= 1000 && code <= 1014 && code !== 1004 &&
    code !== 1005 && code !== 1006;
  return Number.isInteger(code) && (assigned || (code >= 3000 && code <= 4999))
    ? code
    : CloseCode.normal;
}

/**
 * Cuts a reason to what fits into a close frame: 123 bytes of UTF-8 (RFC 6455 §5.5: 125 with the code), at a character
 * boundary.
 */
export function sendableReason(reason: string): string {
  const bytes = utf8(reason);
  if (bytes.length <= 123) return reason;
  return new TextDecoder().decode(bytes.subarray(0, 123)).replace(
    /\uFFFD+$/,
    "",
  );
}
