/**
 * WebSockets on Node: the `upgrade` event of an HTTP server, and the `ws` package.
 *
 * @module
 */
import { WebSocketServer } from "ws";
import type {
  Handshake,
  HandshakeExtras,
} from "../server/handshake/handshake.ts";
import { Deadlines } from "../server/fanout/deadlines.ts";
import { isHost } from "../server/handshake/origin.ts";
import { PROTOCOL } from "../wire/protocol.ts";
import { createPoll } from "./poll.ts";
import { openWs, type WsLike } from "./ws.ts";

/** The members used of Node's `http.Server`. */
export interface HttpServerLike {
  /** Adds a listener for upgrades. */
  on(event: "upgrade", listener: UpgradeListener): unknown;
  /** Adds a listener for requests. */
  on(event: "request", listener: (incoming: SpokenLike) => void): unknown;
  /** Adds a listener for new connections. */
  on(event: ConnectionEvent, listener: (tcp: TcpSocketLike) => void): unknown;
  /** Removes the listener. */
  off(event: "upgrade", listener: UpgradeListener): unknown;
  /** Removes the listener. */
  off(event: "request", listener: (incoming: SpokenLike) => void): unknown;
  /** Removes the listener. */
  off(event: ConnectionEvent, listener: (tcp: TcpSocketLike) => void): unknown;
  /** Returns the listeners. */
  listeners(event: "upgrade"): readonly unknown[];
}

/** The event of a new connection: `secureConnection` for the one inside TLS. */
export type ConnectionEvent = "connection" | "secureConnection";

/** A listener for upgrades. */
export type UpgradeListener = (
  incoming: IncomingLike,
  tcp: TcpSocketLike,
  head: Uint8Array,
) => void;

/** The members used of Node's `http.IncomingMessage`. */
export interface IncomingLike {
  /** The request target as received. */
  readonly url?: string | undefined;
  /** The headers: names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** The members used of a request to find its connection. */
export interface SpokenLike {
  /** The connection's socket. */
  readonly socket: TcpSocketLike;
}

/** The members used of Node's `net.Socket`. */
export interface TcpSocketLike {
  /** The peer's address. */
  readonly remoteAddress?: string | undefined;
  /** Whether it is a TLS socket. */
  readonly encrypted?: boolean;
  /** Adds a listener. */
  on(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Removes a listener. */
  off(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Writes the last bytes. */
  end(data: string): unknown;
  /** How many bytes were written. */
  readonly bytesWritten: number;
  /** Destroys the socket. */
  destroy(): unknown;
}

/** The members used of a node. */
export interface HandshakerLike {
  /** Decides about an upgrade. */
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
}

/** Options for upgrades. */
export interface AttachOptions {
  /** The path of upgrades; upgrades to other paths are ignored. All paths if left out. */
  readonly path?: string | undefined;
  /** The largest message that is accepted, in bytes. */
  readonly maxMessageBytes: number;
  /** How long the first request of a connection may take to arrive, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long a peer may take to close after a response or a close frame, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Writes a line to the console, at most one a second, since clients can cause it. */
  readonly warn: (message: string) => void;
}

/** The members used of the server of `ws`. */
interface WsServerLike {
  handleUpgrade(
    incoming: IncomingLike,
    tcp: TcpSocketLike,
    head: Uint8Array,
    done: (ws: WsLike) => void,
  ): void;
}

/**
 * Handles the upgrades of an HTTP server.
 *
 * @returns Stops handling them
 */
export function attach(
  node: HandshakerLike,
  server: HttpServerLike,
  { path, maxMessageBytes, handshakeTimeoutMs, closeTimeoutMs, warn }:
    AttachOptions,
): () => void {
  const poll = createPoll();
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    closeTimeout: closeTimeoutMs, // for peers that close first and leave the connection half open; not in its types
    handleProtocols: () => PROTOCOL, // the handshake saw that it was offered
  };
  const sockets = new WebSocketServer(settings) as unknown as WsServerLike; // structural: its own types need Node's, which users of this file may not have

  /** Connections with a response whose peer has not closed: an HTTP server's sockets stay half open after `end`. */
  const answered = new Deadlines<TcpSocketLike>(
    closeTimeoutMs,
    (tcp) => tcp.destroy(),
  );
  const respond: Respond = (tcp, status, headers, body) => {
    answered.add(tcp);
    tcp.on("close", () => answered.delete(tcp));
    write(tcp, status, headers, body);
  };
  const silence = boundSilence(server, handshakeTimeoutMs);

  const listener: UpgradeListener = (incoming, tcp, head) => {
    // Without a listener a reset ends the process. Another upgrade listener may still need the socket.
    tcp.on("error", ignore);
    const url = urlOf(incoming, tcp.encrypted);
    // Another listener's upgrade is cut after the same time if that listener writes nothing.
    if (!isOurs(url?.pathname)) return;
    silence.spoken(tcp);
    const gone = new AbortController();
    const read = url && requestOf(url, incoming, gone.signal);
    if (read?.request) return take(read.request, gone, incoming, tcp, head);
    const message = `Cannot read an upgrade request: ${
      read?.error ?? "its target makes no URL"
    }`;
    if (read) warn(message); // not for the targets, which clients choose
    respond(tcp, 400, [], `${message}\n`);
  };

  /** Tells whether this node answers: an unanswered socket stays open, and only one listener may answer. */
  function isOurs(pathname: string | undefined): boolean {
    if (path === undefined || path === pathname) return true;
    const all = server.listeners("upgrade") as { readonly [OURS]?: string }[]; // functions can have any member
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
      signal: gone.signal,
      ...(remoteAddress !== undefined && { remoteAddress }),
    };
    node.handshake(request, extras).then((handshake) => {
      if (handshake.kind === "respond") {
        const { status, headers } = handshake.response;
        return handshake.response.text().then((body) =>
          respond(tcp, status, headers, body)
        );
      }
      // For requests that ws refuses itself, and for peers that disconnected.
      tcp.on("close", handshake.abandon);
      sockets.handleUpgrade(incoming, tcp, head, (ws) => {
        tcp.off("close", handshake.abandon);
        for (const event of OVER) tcp.off(event, leave); // they reference the request
        openWs(ws, handshake, poll);
      });
      return undefined;
    });
  }

  server.on("upgrade", Object.assign(listener, { [OURS]: path ?? "" }));
  return () => {
    server.off("upgrade", listener);
    silence.end();
    // The HTTP server's own `close` waits for every connection.
    setTimeout(() => {
      for (const tcp of [...answered.keys()]) tcp.destroy();
    }, ANSWERED_MS);
  };
}

/**
 * Cuts connections on which no request arrived in time. Node itself takes up to 90 s (`headersTimeout`, plus its check
 * interval), and never less than that interval, which is fixed when the HTTP server is created.
 */
function boundSilence(
  server: HttpServerLike,
  ms: number,
): {
  /** A request arrived for which there is no `request` event. */
  spoken(tcp: TcpSocketLike): void;
  end(): void;
} {
  const silent = new Deadlines<TcpSocketLike>(ms, (tcp) => {
    // It was answered, for example with "100 Continue", without a `request` event; or a TLS handshake is in progress.
    if (tcp.bytesWritten === 0) tcp.destroy();
  });
  function forget(this: TcpSocketLike): void {
    silent.delete(this);
  }
  const begun = (tcp: TcpSocketLike) => {
    silent.add(tcp);
    tcp.on("close", forget);
  };
  const spoken = (tcp: TcpSocketLike) => {
    silent.delete(tcp);
    tcp.off("close", forget);
  };
  const requested = ({ socket }: SpokenLike) => spoken(socket);
  server.on("connection", begun);
  server.on("secureConnection", begun); // the socket under TLS had its own `connection` event
  server.on("request", requested);
  return {
    spoken,
    end() {
      server.off("connection", begun);
      server.off("secureConnection", begun);
      server.off("request", requested);
      silent.clear();
    },
  };
}

/** How long a peer has to close after upgrades are no longer handled, in milliseconds. */
const ANSWERED_MS = 1_000;

/** Marks a listener, with its path. `Symbol.for`, since an app may have two copies of this package. */
const OURS = Symbol.for("super-line.upgrade");

/** The events of a peer that disconnects: an HTTP server's sockets stay half open after `end`. */
const OVER = ["end", "close"] as const;

const ignore = (): void => {};

/** Returns the URL of a request; `undefined` if its target is not one, such as "//" and "*". */
export function urlOf(
  { url = "/", rawHeaders }: IncomingLike,
  encrypted: boolean | undefined,
): URL | undefined {
  const name = rawHeaders.findIndex((it, at) =>
    at % 2 === 0 && it.toLowerCase() === "host"
  );
  const host = name < 0 ? undefined : rawHeaders[name + 1];
  // As a host, "x/ws?" would change the path. The node refuses such a `Host` header.
  const authority = host && isHost(host) ? host : "localhost";
  const base = `${encrypted ? "https" : "http"}://${authority}`;
  try {
    return new URL(url.startsWith("/") ? base + url : url);
  } catch {
    return undefined;
  }
}

/**
 * Converts a request to a `Request`. Returns an error if it cannot be one, such as for a header that fetch does not
 * allow.
 */
export function requestOf(
  url: URL,
  { rawHeaders }: IncomingLike,
  signal?: AbortSignal,
  init: { method?: string; body?: BodyInit } = {},
): { readonly request?: Request; readonly error?: unknown } {
  try {
    const headers = new Headers();
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
    }
    const all = {
      ...init,
      ...(init.body && { duplex: "half" }), // required for a stream (fetch, RequestInit)
      headers,
    };
    if (!signal) return { request: new Request(url, all) };
    try {
      return { request: new Request(url, { ...all, signal }) };
    } catch {
      // Environments such as jsdom replace AbortController, and Node's Request accepts no other signal.
      return { request: new Request(url, all) };
    }
  } catch (error) {
    return { error };
  }
}

type Respond = (
  tcp: TcpSocketLike,
  status: number,
  headers: Iterable<[name: string, value: string]>,
  body: string,
) => void;

/**
 * Responds without an upgrade. `Response` is not used: a test environment may not have it, and this is where that is
 * reported.
 */
const write: Respond = (tcp, status, headers, body) => {
  const head = [`HTTP/1.1 ${status} Refused`];
  for (const [name, value] of headers) head.push(`${name}: ${value}`);
  const length = new TextEncoder().encode(body).length;
  head.push(`content-length: ${length}`, "connection: close", "", body);
  tcp.end(head.join("\r\n"));
};
