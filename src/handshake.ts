/**
 * From an upgrade request to who the client is, or why it may not come in.
 *
 * @module
 */
import { CloseCode, sendableReason } from "./close_codes.ts";
import type { Core } from "./core.ts";
import type { Refusal } from "./counters.ts";
import { isSocketError, SocketError } from "./errors.ts";
import { quote } from "./names.ts";
import { originFlaw } from "./origin.ts";
import { PROTOCOL } from "./protocol.ts";
import { toMillis } from "./refresh.ts";
import { validate } from "./schema.ts";
import type { Identity } from "./session.ts";
import type { Socket, SocketEvents } from "./socket.ts";
import { offeredToken } from "./token.ts";
import { observe } from "./watch.ts";

/** What only the caller of `handshake` knows of a request. */
export interface HandshakeExtras {
  /** The peer's address. */
  readonly remoteAddress?: string;
  /** What the application computed beforehand. */
  readonly identity?: unknown;
  /** The Hono context. */
  readonly hono?: unknown;
  /** Aborts when the peer goes away before the upgrade; left out where the runtime does not tell. */
  readonly signal?: AbortSignal;
}

/** What comes of a handshake: an HTTP response, or a WebSocket to be made. */
export type Handshake =
  | {
    /** No WebSocket is made. */
    readonly kind: "respond";
    /** What to answer. */
    readonly response: Response;
  }
  | {
    /** A WebSocket is made; a refused client's too, since a browser cannot read an HTTP status. */
    readonly kind: "upgrade";
    /** The subprotocol to echo. */
    readonly protocol: string;
    /** Whether the socket is closed as soon as it is open. */
    readonly refused: boolean;
    /** Takes the open socket; called once. Never throws. */
    open(socket: Socket): SocketEvents;
    /** The upgrade came to nothing. */
    abandon(): void;
  };

/** What lets a client in: filled by `authenticate`, ended by its deadline. */
export interface Admission {
  readonly identity: Identity;
  /** Ends the wait: the connection is ready, or there will be none. */
  readonly release: () => void;
  /** Aborts when the deadline has passed. */
  readonly deadline: AbortSignal;
}

/** Decides about a request. Never rejects. */
export async function decide(
  core: Core,
  request: Request,
  extras: HandshakeExtras,
  enter: (socket: Socket, admission: Admission) => SocketEvents,
): Promise<Handshake> {
  const flaw = requestFlaw(core, request);
  if (flaw) return refuseByHttp(core, flaw);
  try {
    const origin = originFlaw(request, core.settings.origins);
    if (origin) {
      core.warn(`${origin.flaw}; the option "origins" decides`);
      return refuse(
        core,
        "origin",
        CloseCode.forbidden,
        "this origin is not allowed, see the server's option origins",
      );
    }
  } catch (error) {
    core.report(error, { source: "hook", name: "origins" });
    return refuse(
      core,
      "origin",
      CloseCode.internal,
      "the origin could not be checked, try again",
    );
  }
  const { maxPendingHandshakes, handshakesPerSecond } = core.settings;
  if (!core.admissions.allows(Date.now())) {
    return refuse(
      core,
      "handshakesPerSecond",
      CloseCode.overload,
      `more than handshakesPerSecond ${handshakesPerSecond} clients came`,
    );
  }
  if (core.pending.size >= maxPendingHandshakes) {
    return refuse(
      core,
      "maxPendingHandshakes",
      CloseCode.overload,
      `maxPendingHandshakes ${maxPendingHandshakes} are under way`,
    );
  }
  const { release, deadline } = startDeadline(core, extras.signal);
  try {
    const identity = await authenticate(core, request, extras, deadline);
    return {
      kind: "upgrade",
      protocol: PROTOCOL,
      refused: false,
      open: (socket) => enter(socket, { identity, release, deadline }),
      abandon: release,
    };
  } catch (error) {
    release();
    return refuseFor(core, error, deadline);
  }
}

interface Flaw {
  readonly why: Refusal;
  readonly status: number;
  readonly message: string;
  readonly headers?: Record<string, string>;
}

function requestFlaw(core: Core, request: Request): Flaw | undefined {
  if (!core.implemented) {
    return {
      why: "unimplemented",
      status: 503,
      message: "This server has no handlers yet: implement() was not called",
    };
  }
  const { path } = core.settings;
  const pathname = pathOf(request.url);
  if (path !== undefined && pathname !== path) {
    return {
      why: "path",
      status: 404,
      message: `Nothing at ${quote(pathname)}: the socket is at ${quote(path)}`,
    };
  }
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return {
      why: "upgrade",
      status: 426,
      message: "This is a WebSocket: connect with a client",
      headers: { upgrade: "websocket" },
    };
  }
  if (core.closing) {
    return {
      why: "closing",
      status: 503,
      message: "This server is closing",
      headers: { "retry-after": "1" },
    };
  }
  const offered = request.headers.get("sec-websocket-protocol") ?? "";
  if (!protocols(offered).includes(PROTOCOL)) {
    const message =
      `No subprotocol is spoken on both sides: the client offered ${
        quote(offered)
      }, must include ${PROTOCOL}`;
    return {
      why: "protocol",
      status: 426,
      message,
      headers: { upgrade: "websocket", "sec-websocket-protocol": PROTOCOL },
    };
  }
  return undefined;
}

function pathOf(url: string): string {
  try {
    return new URL(url).pathname;
  } catch {
    return url; // a target such as "//" makes no URL, and no path that anybody asked for
  }
}

function protocols(header: string): string[] {
  return header.split(",").map((protocol) => protocol.trim());
}

async function authenticate(
  core: Core,
  request: Request,
  extras: HandshakeExtras,
  deadline: AbortSignal,
): Promise<Identity> {
  const token = offeredToken(
    protocols(request.headers.get("sec-websocket-protocol") ?? ""),
  );
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

function startDeadline(
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

function refuseFor(
  core: Core,
  error: unknown,
  deadline: AbortSignal,
): Handshake {
  if (deadline.aborted) {
    const reason =
      `the login took longer than authTimeoutMs ${core.settings.authTimeoutMs}`;
    return refuse(core, "authTimeoutMs", CloseCode.overload, reason);
  }
  if (!isSocketError(error)) {
    core.report(error, { source: "hook", name: "authenticate" });
    const reason = "the login failed, try again";
    return refuse(core, "failed", CloseCode.internal, reason);
  }
  const code = refusalCode(error);
  return refuse(core, REASONS.get(code) ?? "forbidden", code, error.message);
}

const REASONS: ReadonlyMap<number, Refusal> = new Map([
  [CloseCode.unauthorized, "unauthorized"],
  [CloseCode.overload, "unavailable"],
]);

/** What a client that the application refuses is closed with: for good, or for now. */
export function refusalCode({ code }: SocketError): number {
  if (code === "UNAUTHORIZED") return CloseCode.unauthorized;
  return code === "RATE_LIMITED" || code === "UNAVAILABLE"
    ? CloseCode.overload
    : CloseCode.forbidden;
}

/** Accepts and closes: the only way to tell a browser why. */
function refuse(
  core: Core,
  why: Refusal,
  code: number,
  reason: string,
): Handshake {
  count(core, why);
  const deaf: SocketEvents = {
    message() {},
    alive() {},
    drained() {},
    closed() {},
  };
  return {
    kind: "upgrade",
    protocol: PROTOCOL,
    refused: true,
    open(socket) {
      socket.close(code, sendableReason(reason));
      return deaf;
    },
    abandon() {},
  };
}

function refuseByHttp(
  core: Core,
  { why, status, message, headers = {} }: Flaw,
): Handshake {
  count(core, why);
  return {
    kind: "respond",
    response: new Response(`${message}\n`, { status, headers }),
  };
}

function count(core: Core, why: Refusal): void {
  core.counters.refused++;
  core.counters.refusals[why]++;
  if (!core.settings.observer) return;
  observe(core, "onRefusal", (it) => it.onRefusal?.(why));
}
