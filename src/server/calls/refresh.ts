/**
 * A login renewed on a connection that stays open.
 *
 * @module
 */
import type { CallsHost, PendingCall } from "./pending_call.ts";
import { toMillis } from "../handshake/authenticate.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import { SocketError } from "../../wire/errors.ts";
import { plainFrame } from "../../wire/protocol.ts";
import type { Session } from "../connection/session.ts";

/** Handles `auth`: asks the application about the new token, and moves the login's end. */
export function refreshLogin(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  token: string,
): void {
  renew(host, session, call, token).catch((error) => call.fail(error));
}

async function renew(
  host: CallsHost,
  session: Session,
  call: PendingCall,
  token: string,
): Promise<void> {
  const { handle } = session;
  const { refresh } = host.settings;
  if (!refresh) {
    throw new SocketError(
      "NOT_FOUND",
      "This server renews no logins: it has no refresh option",
    );
  }
  const renewed = await refresh(token, handle, {
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
  call.reply(
    plainFrame("res", call.id, { expiresAt: session.expiresAt }),
  );
}
