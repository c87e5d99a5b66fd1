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
import { Deadlines } from "../server/fanout/deadlines.ts";
import { isHost } from "../server/handshake/origin.ts";
import { PROTOCOL } from "../wire/protocol.ts";
import { createPoll } from "./poll.ts";
import { openWs, type WsLike } from "./ws.ts";

/** What is used of Node's `http.Server`. */
export interface HttpServerLike {
  /** Listens to upgrades. */
  on(event: "upgrade", listener: UpgradeListener): unknown;
  /** Listens to what tells that a connection is silent no more. */
  on(event: "request", listener: (incoming: SpokenLike) => void): unknown;
  /** Listens to new connections. */
  on(event: ConnectionEvent, listener: (tcp: TcpSocketLike) => void): unknown;
  /** Ends that. */
  off(event: "upgrade", listener: UpgradeListener): unknown;
  /** Ends that. */
  off(event: "request", listener: (incoming: SpokenLike) => void): unknown;
  /** Ends that. */
  off(event: ConnectionEvent, listener: (tcp: TcpSocketLike) => void): unknown;
  /** Who listens. */
  listeners(event: "upgrade"): readonly unknown[];
}

/** What tells of a connection: `secureConnection` of the one inside TLS. */
export type ConnectionEvent = "connection" | "secureConnection";

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

/** What is used of a request that tells of its connection. */
export interface SpokenLike {
  /** What it came on. */
  readonly socket: TcpSocketLike;
}

/** What is used of Node's `net.Socket`. */
export interface TcpSocketLike {
  /** The peer's address. */
  readonly remoteAddress?: string | undefined;
  /** Whether it is a socket of TLS. */
  readonly encrypted?: boolean;
  /** Listens. */
  on(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Stops listening. */
  off(event: "error" | "end" | "close", listener: () => void): unknown;
  /** Writes the last bytes. */
  end(data: string): unknown;
  /** How many bytes were written to it. */
  readonly bytesWritten: number;
  /** Cuts it. */
  destroy(): unknown;
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
  /** How long the first request of a connection may take to arrive, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long a peer may take to close after it was answered or closed, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Writes a line to the console, seldom: strangers can cause it. */
  readonly warn: (message: string) => void;
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
  { path, maxMessageBytes, handshakeTimeoutMs, closeTimeoutMs, warn }:
    AttachOptions,
): () => void {
  const poll = createPoll();
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    closeTimeout: closeTimeoutMs, // for peers that close first, and leave the connection half open; not in its types
    handleProtocols: () => PROTOCOL, // the handshake saw that it was offered
  };
  const sockets = new WebSocketServer(settings) as unknown as WsServerLike; // by structure: its own types name Node's, which this file's users may not have

  /** Answered connections whose peer has not closed: an HTTP server's sockets stay half open after the end. */
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
    silence.spoken(tcp);
    // A reset ends the process if nobody listens, whoever takes this upgrade: another listener may still be busy.
    tcp.on("error", ignore);
    const url = urlOf(incoming, tcp.encrypted);
    if (!isMine(url?.pathname)) return;
    const gone = new AbortController();
    const read = url && requestOf(url, incoming, gone.signal);
    if (read?.request) return take(read.request, gone, incoming, tcp, head);
    const message = `Cannot read an upgrade request: ${
      read?.error ?? "its target makes no URL"
    }`;
    if (read) warn(message); // not for targets, which strangers write
    respond(tcp, 400, [], `${message}\n`);
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
  return () => {
    server.off("upgrade", listener);
    silence.end();
    // The HTTP server's own close waits for every connection.
    setTimeout(() => {
      for (const tcp of [...answered.keys()]) tcp.destroy();
    }, ANSWERED_MS);
  };
}

/**
 * Cuts connections on which no request has come in time: Node itself takes up to 90 s (`headersTimeout`, and how often
 * it looks), and never less than a check's interval that is fixed when the HTTP server is made.
 */
function boundSilence(
  server: HttpServerLike,
  ms: number,
): {
  /** A request came, of which no `request` tells. */
  spoken(tcp: TcpSocketLike): void;
  end(): void;
} {
  const silent = new Deadlines<TcpSocketLike>(ms, (tcp) => {
    // Something was answered to it, such as "100 Continue", which no `request` tells of; or TLS is under way on it.
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
  server.on("secureConnection", begun); // `connection` told of what is under TLS
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

/** How long a peer that was answered has to close once the upgrades were given back, in milliseconds. */
const ANSWERED_MS = 1_000;

/** Marks a listener as ours, with its path; `Symbol.for`, since an app may hold two copies of this package. */
const OURS = Symbol.for("super-line.upgrade");

/** What tells that a peer has gone: an HTTP server's sockets stay half open after the end. */
const OVER = ["end", "close"] as const;

const ignore = (): void => {};

/** Where a request goes; `undefined` when its target makes no URL, such as "//" and "*". */
export function urlOf(
  { url = "/", rawHeaders }: IncomingLike,
  encrypted: boolean | undefined,
): URL | undefined {
  const name = rawHeaders.findIndex((it, at) =>
    at % 2 === 0 && it.toLowerCase() === "host"
  );
  const host = name < 0 ? undefined : rawHeaders[name + 1];
  // "x/ws?" as a host would turn the path into another one. The node refuses it, by the header.
  const authority = host && isHost(host) ? host : "localhost";
  const base = `${encrypted ? "https" : "http"}://${authority}`;
  try {
    return new URL(url.startsWith("/") ? base + url : url);
  } catch {
    return undefined;
  }
}

/** The request as the web has it; an error when it cannot be one, such as for a header that fetch does not allow. */
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
      ...(init.body && { duplex: "half" }), // a stream needs it (fetch, RequestInit)
      headers,
    };
    if (!signal) return { request: new Request(url, all) };
    try {
      return { request: new Request(url, { ...all, signal }) };
    } catch {
      // An environment such as jsdom replaces AbortController, and Node's Request takes no foreign signal.
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

/** Answers instead of upgrading. Not by a `Response`: an environment for tests may have none, and that has to be told. */
const write: Respond = (tcp, status, headers, body) => {
  const head = [`HTTP/1.1 ${status} Refused`];
  for (const [name, value] of headers) head.push(`${name}: ${value}`);
  const length = new TextEncoder().encode(body).length;
  head.push(`content-length: ${length}`, "connection: close", "", body);
  tcp.end(head.join("\r\n"));
};
