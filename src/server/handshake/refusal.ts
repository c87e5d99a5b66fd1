/**
 * Refuses clients: counts the refusal, and tells the client why.
 *
 * @module
 */
import { CloseCode, sendableReason } from "../../wire/close_codes.ts";
import type { Refusal } from "../stats/counters.ts";
import { isForCaller, type SocketError } from "../../wire/errors.ts";
import type { Handshake, HandshakeExtras, HandshakeHost } from "./handshake.ts";
import { PROTOCOL } from "../../wire/protocol.ts";
import { observe } from "../stats/observer.ts";

/** Why a request gets no WebSocket. */
export interface Flaw {
  readonly why: Refusal;
  readonly status: number;
  readonly message: string;
  readonly headers?: Record<string, string>;
}

/** Refuses a client that `authenticate` did not accept. */
export function refuseFor(
  host: HandshakeHost,
  extras: HandshakeExtras,
  error: unknown,
  late: boolean,
): Handshake {
  if (late) {
    const reason =
      `the login took longer than authTimeoutMs ${host.settings.authTimeoutMs}`;
    return refuse(host, extras, "authTimeoutMs", CloseCode.overload, reason);
  }
  if (!isForCaller(error)) {
    host.report(error, { source: "hook", name: "authenticate" });
    const reason = "the login failed, try again";
    return refuse(host, extras, "failed", CloseCode.internal, reason);
  }
  const code = refusalCode(error);
  const why = REASONS.get(code) ?? "forbidden";
  return refuse(host, extras, why, code, error.message);
}

const REASONS: ReadonlyMap<number, Refusal> = new Map([
  [CloseCode.unauthorized, "unauthorized"],
  [CloseCode.overload, "unavailable"],
]);

/** Returns the close code for a client that the application refuses, for good or for now. */
export function refusalCode({ code }: SocketError): number {
  if (code === "UNAUTHORIZED") return CloseCode.unauthorized;
  return code === "RATE_LIMITED" || code === "UNAVAILABLE"
    ? CloseCode.overload
    : CloseCode.forbidden;
}

/**
 * Upgrades and closes, which is the only way to tell a browser why. Uses HTTP where a peer could keep such a socket
 * open forever.
 */
export function refuse(
  host: HandshakeHost,
  { refuseByHttp: byHttp }: HandshakeExtras,
  why: Refusal,
  code: number,
  reason: string,
): Handshake {
  if (byHttp) {
    const status = STATUSES.get(code) ?? 503;
    return refuseByHttp(host, { why, status, message: reason });
  }
  count(host, why);
  const { closings } = host;
  return {
    kind: "upgrade",
    protocol: PROTOCOL,
    refused: true,
    open(socket) {
      closings.close(socket, code, sendableReason(reason));
      return {
        message() {},
        alive() {},
        drained() {},
        closed: () => closings.delete(socket),
      };
    },
    abandon() {},
  };
}

const STATUSES: ReadonlyMap<number, number> = new Map([
  [CloseCode.unauthorized, 401],
  [CloseCode.expired, 401],
  [CloseCode.forbidden, 403],
  [CloseCode.internal, 500],
]);

/** Responds without an upgrade. */
export function refuseByHttp(
  host: HandshakeHost,
  { why, status, message, headers = {} }: Flaw,
): Handshake {
  count(host, why);
  return {
    kind: "respond",
    response: new Response(`${message}\n`, { status, headers }),
  };
}

function count(host: HandshakeHost, why: Refusal): void {
  host.counters.refused++;
  host.counters.refusals[why]++;
  if (!host.settings.observer) return;
  observe(host, "onRefusal", (it) => it.onRefusal?.(why));
}
