/**
 * Runs `authenticate` within a deadline.
 *
 * @module
 */
import type { LoginWithData } from "../../contract/types.ts";
import type { HandshakeExtras, HandshakeHost } from "./handshake.ts";
import type { PendingLogin } from "./pending_login.ts";
import { quote } from "../../contract/names.ts";
import { validate } from "../../contract/schema.ts";

import type { Identity } from "../connection/session.ts";
import { offeredProtocols, offeredToken } from "../../wire/token.ts";

/** What is known about a client besides its request. */
export interface HandshakeInfo {
  /** The client's token, from the subprotocol. */
  readonly token?: string;
  /** Aborts when the client disconnects or `authTimeoutMs` has passed. */
  readonly signal: AbortSignal;
  /** The peer's address, if the runtime provides it. */
  readonly remoteAddress?: string | undefined;
  /** The value that `superline(srv, { identity })` computed. */
  readonly identity?: unknown;
  /** The Hono context, if Hono runs in the same process. */
  readonly hono?: unknown;
}

/** Calls `authenticate`. Rejects if it refuses, fails, or takes too long. */
export async function authenticate(
  host: HandshakeHost,
  request: Request,
  extras: HandshakeExtras,
  login: PendingLogin,
): Promise<Identity> {
  const token = offeredToken(offeredProtocols(request));
  const { identity, hono } = extras;
  const info: HandshakeInfo = {
    ...(token !== undefined && { token }),
    ...(identity !== undefined && { identity }),
    ...(hono !== undefined && { hono }),
    get remoteAddress() {
      return extras.remoteAddress;
    },
    get signal() {
      return login.signal;
    },
  };
  const result = await login.wait(
    host.settings.authenticate(request, info),
  ) as LoginWithData<string, unknown>; // `NoLogin` exists in types only
  const surface = host.contract.roles.get(result?.role);
  if (!surface) {
    throw new TypeError(
      `Cannot admit a client: authenticate returned role ${
        quote(String(result?.role))
      }, must be one of ${
        [...host.contract.roles.keys()].map(quote).join(", ")
      }`,
    );
  }
  let data: unknown;
  if (surface.data) {
    const checked = await login.wait(validate(surface.data, result.data));
    if (!checked.ok) {
      throw new TypeError(
        `Cannot admit a client: the data that authenticate returned for role ${
          quote(result.role)
        } is refused by its schema`,
        { cause: { issues: checked.issues } },
      );
    }
    data = checked.value;
  }
  return {
    role: result.role,
    surface,
    ctx: result.ctx,
    data,
    expiresAt: toMillis(result.expiresAt),
  };
}

/**
 * Converts a point in time to milliseconds since the epoch.
 *
 * @throws {TypeError} If it is invalid: a login that expires at NaN would never expire
 */
export function toMillis(time: Date | number | undefined): number | undefined {
  const millis = time instanceof Date ? time.getTime() : time;
  if (millis === undefined || Number.isFinite(millis)) return millis;
  throw new TypeError(
    `Cannot end a login at ${millis}: expiresAt must be a Date, or milliseconds since the epoch`,
  );
}
