/**
 * From an upgrade request to who the client is, or why it may not come in.
 *
 * @module
 */
import { authenticate } from "./authenticate.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import type { Core } from "../context.ts";
import { Login } from "./pending_login.ts";
import { quote } from "../../contract/names.ts";
import { originFlaw } from "./origin.ts";
import { PROTOCOL } from "../../wire/protocol.ts";
import { type Flaw, refuse, refuseByHttp, refuseFor } from "./refusal.ts";
import type { Identity } from "../connection/session.ts";
import type { Socket, SocketEvents } from "../../seams/socket.ts";
import { offeredProtocols } from "../../wire/token.ts";

/** What only the caller of `handshake` knows of a request: getters are asked when somebody wants to know. */
export interface HandshakeExtras {
  /** The peer's address. */
  readonly remoteAddress?: string | undefined;
  /** What the application computed beforehand. */
  readonly identity?: unknown;
  /** The Hono context. */
  readonly hono?: unknown;
  /** Aborts when the peer goes away before the upgrade; left out where the runtime does not tell. */
  readonly signal?: AbortSignal | undefined;
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

/** Decides about a request. Never rejects. */
export async function decide(
  core: Core,
  request: Request,
  extras: HandshakeExtras,
  enter: (socket: Socket, identity: Identity, login: Login) => SocketEvents,
): Promise<Handshake> {
  const flaw = requestFlaw(core, request);
  if (flaw) return refuseByHttp(core, flaw);
  const refusal = originRefusal(core, request) ?? crowdRefusal(core);
  if (refusal) return refusal;
  const login = new Login(core, () => extras.signal);
  try {
    const identity = await authenticate(core, request, extras, login);
    return {
      kind: "upgrade",
      protocol: PROTOCOL,
      refused: false,
      open: (socket) => enter(socket, identity, login),
      abandon: login.release,
    };
  } catch (error) {
    login.release();
    return refuseFor(core, error, login.over);
  }
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
  if (path !== undefined && pathOf(request.url) !== path) {
    const asked = quote(pathOf(request.url));
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
  if (core.closing) {
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

function pathOf(url: string): string {
  try {
    return new URL(url).pathname;
  } catch {
    return url; // a target such as "//" makes no URL, and no path that anybody asked for
  }
}

/** Refuses another site's page. */
function originRefusal(core: Core, request: Request): Handshake | undefined {
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
  return undefined;
}

/** Refuses who comes while too many do. */
function crowdRefusal(core: Core): Handshake | undefined {
  const { maxPendingHandshakes, handshakesPerSecond } = core.settings.limits;
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
  return undefined;
}
