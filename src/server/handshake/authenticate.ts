/**
 * Who a client is, as the application says within a deadline.
 *
 * @module
 */
import type { Core } from "../context.ts";
import type { HandshakeExtras } from "./handshake.ts";
import type { Login } from "./pending_login.ts";
import { quote } from "../../contract/names.ts";
import { toMillis } from "../calls/refresh.ts";
import { validate } from "../../contract/schema.ts";
import type { HandshakeInfo } from "../options.ts";
import type { Identity } from "../connection/session.ts";
import { offeredProtocols, offeredToken } from "../../wire/token.ts";

/** Asks the application who a client is. Rejects when it refuses, fails, or is too slow. */
export async function authenticate(
  core: Core,
  request: Request,
  extras: HandshakeExtras,
  login: Login,
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
  const result = await login.wait(core.settings.authenticate(request, info));
  const surface = core.contract.roles.get(result?.role);
  if (!surface) {
    throw new TypeError(
      `Cannot admit a client: authenticate returned role ${
        quote(String(result?.role))
      }, must be one of ${
        [...core.contract.roles.keys()].map(quote).join(", ")
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
