/**
 * Who a client is, as the application says within a deadline.
 *
 * @module
 */
import type { Core } from "./core.ts";
import { SocketError } from "./errors.ts";
import type { HandshakeExtras } from "./handshake.ts";
import { quote } from "./names.ts";
import { toMillis } from "./refresh.ts";
import { validate } from "./schema.ts";
import type { Identity } from "./session.ts";
import { offeredProtocols, offeredToken } from "./token.ts";

/** What lets a client in: filled by `authenticate`, ended by its deadline. */
export interface Admission {
  readonly identity: Identity;
  /** Ends the wait: the connection is ready, or there will be none. */
  readonly release: () => void;
  /** Aborts when the deadline has passed. */
  readonly deadline: AbortSignal;
}

/** Asks the application who a client is. Rejects when it refuses, fails, or is too slow. */
export async function authenticate(
  core: Core,
  request: Request,
  extras: HandshakeExtras,
  deadline: AbortSignal,
): Promise<Identity> {
  const token = offeredToken(offeredProtocols(request));
  const info = {
    ...extras,
    ...(token !== undefined && { token }),
    signal: deadline,
  };
  const result = await bounded(
    Promise.resolve(core.settings.authenticate(request, info)),
    deadline,
  );
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
    const checked = await bounded(
      Promise.resolve(validate(surface.data, result.data)),
      deadline,
    );
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

/** Rejects when the signal aborts first. */
export function bounded<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort(); // the promise is listened to all the same: it may reject as well
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", abort)
    );
  });
}

/** Starts the clock of one login, which counts as pending until it is released. */
export function startDeadline(
  core: Core,
  gone: AbortSignal | undefined,
): { release: () => void; deadline: AbortSignal } {
  const controller = new AbortController();
  const { authTimeoutMs } = core.settings;
  const late = () =>
    end(
      new SocketError(
        "TIMEOUT",
        `The login took longer than authTimeoutMs ${authTimeoutMs}`,
      ),
    );
  const timer = setTimeout(late, authTimeoutMs);
  const leave = () =>
    end(new SocketError("DISCONNECTED", "The client has gone"));
  const release = () => {
    clearTimeout(timer);
    gone?.removeEventListener("abort", leave);
    core.pending.delete(controller);
  };
  const end = (reason: SocketError) => {
    release();
    controller.abort(reason);
  };
  core.pending.add(controller);
  if (gone?.aborted) leave();
  gone?.addEventListener("abort", leave, { once: true });
  return { release, deadline: controller.signal };
}
