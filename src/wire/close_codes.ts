/**
 * The WebSocket close codes of the protocol, and what a client does after each.
 *
 * @module
 */
import { utf8 } from "./bytes.ts";

// By themselves, so that a client's bundle holds those that it uses.
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

// The types stand there since declarations are made file by file, and take no value of a name for one.
/** The code of each reason for which either side ends a connection. */
export const CloseCode = {
  /** Done; a client that closes itself does not come back. */
  normal: NORMAL as 1000,
  /** The server or the page goes away. */
  goingAway: 1001,
  /** No close frame came (RFC 6455 §7.4.1: 1006 is never sent). */
  abnormal: ABNORMAL as 1006,
  /** A policy was broken, such as ten malformed frames. */
  policy: POLICY as 1008,
  /** A message was larger than `maxMessageBytes`. */
  tooBig: 1009,
  /** The server failed before the connection was ready. */
  internal: 1011,
  /** The server restarts. */
  restart: 1012,
  /** The server has too much to do, or the peer reads too slowly. */
  overload: OVERLOAD as 1013,
  /** The peer does not speak the protocol. */
  badProtocol: BAD_PROTOCOL as 4400,
  /** Nobody is logged in. */
  unauthorized: UNAUTHORIZED as 4401,
  /** Logged in, not allowed. */
  forbidden: FORBIDDEN as 4403,
  /** Nothing was heard from the peer for too long. */
  heartbeatLost: HEARTBEAT_LOST as 4408,
  /** The application ended the connection for good. */
  kicked: KICKED as 4409,
  /** The login has expired. */
  expired: EXPIRED as 4410,
} as const;

/** What a client does after a close: stay away, come back with the usual back-off, at once, or after the longest wait. */
export type Comeback = "never" | "backoff" | "now" | "late";

const NEVER = [BAD_PROTOCOL, UNAUTHORIZED, FORBIDDEN, KICKED];

/** What a client does after the server closed with a code. */
export function comebackAfter(code: number): Comeback {
  if (NEVER.includes(code)) return "never";
  if (code === EXPIRED) return "now";
  return code === POLICY || code === OVERLOAD ? "late" : "backoff";
}

/**
 * Makes a code fit to be sent: codes that are for the library's own use or not valid become 1000.
 *
 * RFC 6455 §7.4: 1005, 1006 and 1015 are never sent; an API throws on, or cuts the connection at, others out of range.
 */
export function sendableCode(code: number): number {
  const assigned = code >= 1000 && code <= 1014 && code !== 1004 &&
    code !== 1005 && code !== 1006;
  return Number.isInteger(code) && (assigned || (code >= 3000 && code <= 4999))
    ? code
    : CloseCode.normal;
}

/**
 * Cuts a reason to what a close frame can carry: 123 bytes of UTF-8 (RFC 6455 §5.5: 125 with the code), whole characters.
 */
export function sendableReason(reason: string): string {
  const bytes = utf8(reason);
  if (bytes.length <= 123) return reason;
  return new TextDecoder().decode(bytes.subarray(0, 123)).replace(
    /\uFFFD+$/,
    "",
  );
}
