/**
 * Decides about upgrade requests.
 *
 * @module
 */
import { authenticate, type HandshakeInfo } from "./authenticate.ts";
import type { Contract } from "../../contract/define.ts";
import type { AuthResult, ContractDefinition } from "../../contract/types.ts";
import type { TokenBucket } from "../../shared/token_bucket.ts";
import type { StatsHost } from "../stats/observer.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import { type LoginHost, PendingLogin } from "./pending_login.ts";
import { quote } from "../../contract/names.ts";
import { isHost, originFlaw, type Origins } from "./origin.ts";
import { PROTOCOL } from "../../wire/protocol.ts";
import { type Flaw, refuse, refuseByHttp, refuseFor } from "./refusal.ts";
import type { Identity } from "../connection/session.ts";
import type { ClosingSockets } from "../connection/closing.ts";
import type { Socket, SocketEvents } from "../../seams/socket.ts";
import { offeredProtocols } from "../../wire/token.ts";

/** What only the caller of `handshake` knows about a request. Getters are read only when needed. */
export interface HandshakeExtras {
  /** The peer's address. */
  readonly remoteAddress?: string | undefined;
  /** The value that the application computed before. */
  readonly identity?: unknown;
  /** The Hono context. */
  readonly hono?: unknown;
  /** Aborts when the peer disconnects before the upgrade; absent if the runtime does not report that. */
  readonly signal?: AbortSignal | undefined;
  /** `true` if the runtime cannot cut a closed socket, which then stays open as long as its peer wants. */
  readonly cannotTerminate?: boolean | undefined;
  /** `true` where a refusal must not make a WebSocket, although a browser then learns no reason. */
  readonly refuseByHttp?: boolean | undefined;
}

/** What `admit` gets about a handshake. */
export interface AdmitInfo {
  /** The upgrade request. */
  readonly request: Request;
  /** The peer's address, if the runtime provides it; behind a proxy, the proxy's. */
  readonly remoteAddress?: string | undefined;
  /** The Hono context, if Hono runs in the same process. */
  readonly hono?: unknown;
}

/** The decision: an HTTP response, or an upgrade. */
export type Handshake =
  | {
    /** The request is not upgraded. */
    readonly kind: "respond";
    /** The response. */
    readonly response: Response;
  }
  | {
    /** The request is upgraded. A refused client is upgraded too, since a browser cannot read an HTTP status. */
    readonly kind: "upgrade";
    /** The subprotocol to echo. */
    readonly protocol: string;
    /** Whether the socket is closed as soon as it is open. */
    readonly refused: boolean;
    /** Takes the open socket. Called once. Never throws. */
    open(socket: Socket): SocketEvents;
    /** The upgrade failed. */
    abandon(): void;
  };

/** What handshakes need of their server. */
export interface HandshakeHost extends StatsHost, LoginHost {
  readonly contract: Contract;
  /** Whether `implement` was called. */
  readonly implemented: boolean;
  /** Whether `close` was called. */
  readonly closing: boolean;
  /** Sockets that this node closed and whose peers have not answered. */
  readonly closings: ClosingSockets;
  /** The rate limit of handshakes. */
  readonly admissions: TokenBucket;
  readonly settings: StatsHost["settings"] & LoginHost["settings"] & {
    readonly path?: string;
    readonly origins?: Origins;
    readonly limits: {
      readonly maxPendingHandshakes: number;
      readonly handshakesPerSecond: number;
      readonly maxClosing: number;
    };
    readonly admit?: (info: AdmitInfo) => boolean;
    authenticate(
      request: Request,
      info: HandshakeInfo,
    ):
      | AuthResult<ContractDefinition>
      | Promise<AuthResult<ContractDefinition>>;
  };
  /** Writes a line to the console, at most one a second, since clients can cause it. */
  warn(message: string): void;
  /** Takes the open socket of an accepted client. */
  enter(socket: Socket, identity: Identity, login: PendingLogin): SocketEvents;
}

/** Decides about a request. Never rejects. */
export async function decide(
  host: HandshakeHost,
  request: Request,
  extras: HandshakeExtras,
): Promise<Handshake> {
  const flaw = requestFlaw(host, request);
  if (flaw) return refuseByHttp(host, flaw);
  const refusal = admitRefusal(host, request, extras) ??
    originRefusal(host, request, extras) ?? crowdRefusal(host, extras);
  if (refusal) return refusal;
  const login = new PendingLogin(host, () => extras.signal);
  try {
    const identity = await authenticate(host, request, extras, login);
    if (identity.expiresAt !== undefined && identity.expiresAt <= Date.now()) {
      login.release();
      return refuse(
        host,
        extras,
        "expired",
        CloseCode.expired,
        "the login has expired",
      );
    }
    login.admitted();
    return {
      kind: "upgrade",
      protocol: PROTOCOL,
      refused: false,
      open: (socket) => host.enter(socket, identity, login),
      abandon: login.release,
    };
  } catch (error) {
    login.release();
    return refuseFor(host, extras, error, login.over);
  }
}

function requestFlaw(host: HandshakeHost, request: Request): Flaw | undefined {
  if (!host.implemented) {
    return {
      why: "unimplemented",
      status: 503,
      message: "This server has no handlers yet: implement() was not called",
    };
  }
  const asks = pathOf(request.url);
  if (asks === undefined || !isHost(request.headers.get("host") ?? "")) {
    // RFC 9112 §3.2: a request with an invalid Host is answered with 400. "x/ws?" would make another path of it.
    return {
      why: "request",
      status: 400,
      message: "The request's target and Host make no URL",
    };
  }
  const { path } = host.settings;
  if (path !== undefined && asks !== path) {
    const asked = quote(asks);
    return {
      why: "path",
      status: 404,
      message: `Nothing at ${asked}: the socket is at ${quote(path)}`,
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
  if (host.closing) {
    return {
      why: "closing",
      status: 503,
      message: "This server is closing",
      headers: { "retry-after": "1" },
    };
  }
  const offered = offeredProtocols(request);
  if (!offered.includes(PROTOCOL)) {
    const message =
      `No subprotocol is spoken on both sides: the client offered ${
        quote(offered.join(", "))
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

/** Returns the path of a request; `undefined` for a target that is not a URL, such as "//". */
function pathOf(url: string): string | undefined {
  try {
    return new URL(url).pathname;
  } catch {
    return undefined;
  }
}

/** Refuses clients that the option `admit` does not accept. */
function admitRefusal(
  host: HandshakeHost,
  request: Request,
  extras: HandshakeExtras,
): Handshake | undefined {
  const { admit } = host.settings;
  if (!admit) return undefined;
  const info: AdmitInfo = {
    request,
    ...(extras.hono !== undefined && { hono: extras.hono }),
    get remoteAddress() {
      return extras.remoteAddress;
    },
  };
  try {
    const verdict: unknown = admit(info); // typed boolean, but an async function may be passed nevertheless
    if (verdict === true) return undefined;
    if (typeof verdict === "object" && verdict !== null) {
      Promise.resolve(verdict).catch(() => {}); // its rejection is ignored
      throw new TypeError(
        "Cannot admit a client: admit returned an object such as a promise, must return true or false at once; wait in authenticate",
      );
    }
  } catch (error) {
    host.report(error, { source: "hook", name: "admit" });
  }
  return refuseByHttp(host, {
    why: "admit",
    status: 429,
    message: "Too many connections: try again later",
    headers: { "retry-after": "10" },
  });
}

/** Refuses pages of other sites. */
function originRefusal(
  host: HandshakeHost,
  request: Request,
  extras: HandshakeExtras,
): Handshake | undefined {
  try {
    const origin = originFlaw(request, host.settings.origins);
    if (origin) {
      host.warn(`${origin.flaw}; the option "origins" decides`);
      return refuse(
        host,
        extras,
        "origin",
        CloseCode.forbidden,
        "this origin is not allowed, see the server's option origins",
      );
    }
  } catch (error) {
    host.report(error, { source: "hook", name: "origins" });
    return refuse(
      host,
      extras,
      "origin",
      CloseCode.internal,
      "the origin could not be checked, try again",
    );
  }
  return undefined;
}

/** Refuses clients while there are too many handshakes. */
function crowdRefusal(
  host: HandshakeHost,
  extras: HandshakeExtras,
): Handshake | undefined {
  const { maxPendingHandshakes, handshakesPerSecond, maxClosing } =
    host.settings.limits;
  if (extras.cannotTerminate && host.closings.size >= maxClosing) {
    return refuseByHttp(host, {
      why: "maxClosing",
      status: 503,
      message: `maxClosing ${maxClosing} connections are closing`,
      headers: { "retry-after": "10" },
    });
  }
  if (!host.admissions.allows(Date.now())) {
    return refuse(
      host,
      extras,
      "handshakesPerSecond",
      CloseCode.overload,
      `more than handshakesPerSecond ${handshakesPerSecond} clients came`,
    );
  }
  if (host.pending.size >= maxPendingHandshakes) {
    return refuse(
      host,
      extras,
      "maxPendingHandshakes",
      CloseCode.overload,
      `maxPendingHandshakes ${maxPendingHandshakes} are under way`,
    );
  }
  return undefined;
}
