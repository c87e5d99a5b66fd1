/**
 * A login renewed on a connection that stays open.
 *
 * @module
 */
import { fail, reply } from "./reply.ts";
import type { PendingCall } from "./pending_call.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import { SocketError } from "../../wire/errors.ts";
import { plainFrame } from "../../wire/protocol.ts";
import type { Session } from "../connection/session.ts";

/** Handles `auth`: asks the application about the new token, and moves the login's end. */
export function refreshLogin(
  session: Session,
  call: PendingCall,
  token: string,
): void {
  renew(session, call, token).catch((error) =>
    fail(session, call, "refresh", error)
  );
}

async function renew(
  session: Session,
  call: PendingCall,
  token: string,
): Promise<void> {
  const { core, handle } = session;
  const { refresh } = core.settings;
  if (!refresh) {
    throw new SocketError(
      "NOT_FOUND",
      "This server renews no logins: it has no refresh option",
    );
  }
  const renewed = await refresh(token, handle as never, {
    signal: call.signal,
  });
  if (session.over) return;
  if (renewed.role !== handle.role) {
    return session.end(
      CloseCode.forbidden,
      "the new token is for another role, must be for the same",
    );
  }
  session.renew(toMillis(renewed.expiresAt));
  reply(
    session,
    call,
    plainFrame("res", call.id, { expiresAt: session.expiresAt }),
  );
}

/**
 * A point in time as milliseconds since the epoch.
 *
 * @throws {TypeError} When it is none: a login that ends at NaN would never end
 */
export function toMillis(time: Date | number | undefined): number | undefined {
  const millis = time instanceof Date ? time.getTime() : time;
  if (millis === undefined || Number.isFinite(millis)) return millis;
  throw new TypeError(
    `Cannot end a login at ${millis}: expiresAt must be a Date, or milliseconds since the epoch`,
  );
}
