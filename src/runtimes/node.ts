/**
 * How Node accepts a WebSocket: an HTTP server's `upgrade` event, and the `ws` package.
 *
 * @module
 */
import { WebSocketServer } from "ws";
import type {
  Handshake,
  HandshakeExtras,
} from "../server/handshake/handshake.ts";
import { PROTOCOL } from "../wire/protocol.ts";
import { createPoll } from "./poll.ts";
import { openWs, type WsLike } from "./ws.ts";

/** What is used of Node's `http.Server`. */
export interface HttpServerLike {
  /** Listens to upgrades. */
  on(event: "upgrade", listener: UpgradeListener): unknown;
  /** Ends that. */
  off(event: "upgrade", listener: UpgradeListener): unknown;
  /** Who listens. */
  listeners(event: "upgrade"): readonly unknown[];
}

/** What Node calls for an upgrade. */
export type UpgradeListener = (
  incoming: IncomingLike,
  tcp: TcpSocketLike,
  head: Uint8Array,
) => void;

/** What is used of Node's `http.IncomingMessage`. */
export interface IncomingLike {
  /** The request's target as it came. */
  readonly url?: string | undefined;
  /** Its headers, name and value in turn. */
  readonly rawHeaders: readonly string[];
}

/** What is used of Node's `net.Socket`. */
export interface TcpSocketLike {
  /** The peer's address. */
  readonly remoteAddress?: string | undefined;
  /** Listens. */
  on(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Stops listening. */
  off(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Writes the last bytes. */
  end(data: string): unknown;
}

/** What is used of a node. */
export interface HandshakerLike {
  /** Decides about an upgrade. */
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
}

/** How upgrades are taken. */
export interface AttachOptions {
  /** Upgrades to other paths are left alone; every path is taken when left out. */
  readonly path?: string | undefined;
  /** The largest message that is taken, in bytes. */
  readonly maxMessageBytes: number;
}

/** What is used of the server of `ws`. */
interface WsServerLike {
  handleUpgrade(
    incoming: IncomingLike,
    tcp: TcpSocketLike,
    head: Uint8Array,
    done: (ws: WsLike) => void,
  ): void;
}

/**
 * Takes the upgrades of an HTTP server.
 *
 * @returns What gives them back
 */
export function attach(
  node: HandshakerLike,
  server: HttpServerLike,
  { path, maxMessageBytes }: AttachOptions,
): () => void {
  const poll = createPoll();
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: () => PROTOCOL, // the handshake saw that it was offered
  }) as unknown as WsServerLike; // by structure: its own types name Node's, which this file's users may not have

  const listener: UpgradeListener = (incoming, tcp, head) => {
    if (!isMine(urlOf(incoming)?.pathname)) return;
    tcp.on("error", ignore); // a reset while the login is under way ends the process if nobody listens
    const gone = new AbortController();
    const request = requestOf(incoming, gone.signal);
    if (!request) {
      return respond(tcp, new Response("Bad request\n", { status: 400 }));
    }
    take(request, gone, incoming, tcp, head);
  };

  /** Whether this node answers: a socket that nobody answers stays open, and only one may. */
  function isMine(pathname: string | undefined): boolean {
    if (path === undefined || path === pathname) return true;
    const all = server.listeners("upgrade") as { readonly [OURS]?: string }[]; // functions, which may be asked for any member
    const taken = all.some((it) =>
      ["", pathname, undefined].includes(it[OURS])
    );
    return !taken && all.at(-1) === listener;
  }

  function take(
    request: Request,
    gone: AbortController,
    incoming: IncomingLike,
    tcp: TcpSocketLike,
    head: Uint8Array,
  ): void {
    const leave = () => gone.abort();
    for (const event of OVER) tcp.on(event, leave);
    const { remoteAddress } = tcp;
    const extras = {
      signal: request.signal,
      ...(remoteAddress !== undefined && { remoteAddress }),
    };
    node.handshake(request, extras).then((handshake) => {
      if (handshake.kind === "respond") {
        return respond(tcp, handshake.response);
      }
      // Told when ws refuses the request by itself, and when the peer has gone.
      tcp.on("close", handshake.abandon);
      sockets.handleUpgrade(incoming, tcp, head, (ws) => {
        tcp.off("close", handshake.abandon);
        for (const event of OVER) tcp.off(event, leave); // they hold on to the request
        openWs(ws, handshake, poll);
      });
    });
  }

  server.on("upgrade", Object.assign(listener, { [OURS]: path ?? "" }));
  return () => void server.off("upgrade", listener);
}

/** Marks a listener as ours, with its path; `Symbol.for`, since an app may hold two copies of this package. */
const OURS = Symbol.for("super-line.upgrade");

/** What tells that a peer has gone: an HTTP server's sockets stay half open after the end. */
const OVER = ["end", "close"] as const;

const ignore = (): void => {};

/** Where a request goes; `undefined` when its target makes no URL, such as "//" and "*". */
function urlOf({ url = "/", rawHeaders }: IncomingLike): URL | undefined {
  const name = rawHeaders.findIndex((it, at) =>
    at % 2 === 0 && it.toLowerCase() === "host"
  );
  const host = name < 0 ? undefined : rawHeaders[name + 1];
  const base = `http://${host ?? "localhost"}`;
  try {
    return new URL(url.startsWith("/") ? base + url : url);
  } catch {
    return undefined;
  }
}

/** The request as the web has it; `undefined` when it cannot be one. */
export function requestOf(
  incoming: IncomingLike,
  signal?: AbortSignal,
  init: { method?: string; body?: BodyInit } = {},
): Request | undefined {
  const { rawHeaders } = incoming;
  const url = urlOf(incoming);
  if (!url) return undefined;
  try {
    const headers = new Headers();
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
    }
    return new Request(url, {
      ...init,
      ...(init.body && { duplex: "half" }), // a stream needs it (fetch, RequestInit)
      headers,
      ...(signal && { signal }),
    });
  } catch {
    return undefined; // such as a header that fetch does not allow
  }
}

/** Answers instead of upgrading. */
function respond(tcp: TcpSocketLike, response: Response): void {
  const head = [`HTTP/1.1 ${response.status} Refused`];
  for (const [name, value] of response.headers) head.push(`${name}: ${value}`);
  response.text().then((body) => {
    const length = new TextEncoder().encode(body).length;
    head.push(`content-length: ${length}`, "connection: close", "", body);
    tcp.end(head.join("\r\n"));
  });
}
