/**
 * For Node: a server on an `http.Server`. Only this entry needs the `ws` package.
 *
 * @example Beside an HTTP server
 * ```ts ignore
 * import { createServer } from "node:http";
 * import { createSocketServer } from "@super-line/edge/node";
 * import { api, authenticate, handlers } from "./app.ts";
 *
 * const server = createServer((_request, response) => response.end("hello"));
 * const srv = createSocketServer(api, { server, authenticate });
 * srv.implement(handlers);
 * server.listen(3000);
 * ```
 *
 * @module
 */
import { createInMemoryAdapter } from "../adapters/memory.ts";
import type { Contract } from "./contract/define.ts";
import { createNode } from "./server/create_node.ts";
import type { AuthResult, ContractDefinition } from "./contract/types.ts";
import { createHttpTransport } from "./runtimes/http.ts";
import { httpHostOf } from "./runtimes/http_host.ts";
import {
  answerHttp,
  type IncomingRequestLike,
  type OutgoingResponseLike,
} from "./runtimes/node_http.ts";
import { attach, type HttpServerLike } from "./runtimes/node.ts";
import type { CloseOptions, Node } from "./server/api/types.ts";
import { MAX_TIMER_MS } from "./shared/timers.ts";
import type { ServerOptions } from "./server/options.ts";

export type {
  IncomingRequestLike,
  OutgoingResponseLike,
} from "./runtimes/node_http.ts";
export type {
  ConnectionEvent,
  HttpServerLike,
  IncomingLike,
  SpokenLike,
  TcpSocketLike,
  UpgradeListener,
} from "./runtimes/node.ts";

/** What {@linkcode createSocketServer} takes. */
export interface NodeServerOptions<
  C extends ContractDefinition,
  A extends AuthResult<C>,
> extends ServerOptions<C, A> {
  /** Whose upgrades to take: those to `path`, or all. It is not closed with the socket server. */
  readonly server: HttpServerLike;
  /**
   * How long the first request of a connection to `server` may take to arrive, in milliseconds; then the connection is
   * cut, whatever it was for. Node alone takes 60 to 90 s.
   *
   * @default {10_000}
   */
  readonly handshakeTimeoutMs?: number;
}

/** A node on an `http.Server`. */
export interface HttpNode<C extends ContractDefinition, A> extends Node<C, A> {
  /**
   * Answers a request of the HTTP transport, for clients that cannot open a WebSocket.
   *
   * @returns `false` when the request is another one: it is then the application's to answer, and nothing was read
   *
   * @example Beside the application's own requests
   * ```ts ignore
   * server.on("request", (request, response) => {
   *   if (!srv.answer(request, response)) app(request, response);
   * });
   * ```
   */
  answer(
    request: IncomingRequestLike,
    response: OutgoingResponseLike,
  ): boolean;
}

/**
 * Creates a server for a contract on an `http.Server` of Node's.
 *
 * @param contract What `defineContract` returned
 * @param options `server`, `authenticate`, and what else is to differ from the defaults
 * @returns The server; `close` also gives the HTTP server's upgrades back
 * @throws {TypeError} When `server` or `authenticate` is missing
 * @throws {RangeError} When a limit is not a positive number
 *
 * @example A server of one's own
 * ```ts ignore
 * const srv = createSocketServer(api, { server: httpServer, authenticate, path: "/realtime" });
 * ```
 */
export function createSocketServer<
  C extends ContractDefinition,
  A extends AuthResult<C>,
>(
  contract: Contract<C>,
  options: NodeServerOptions<C, A>,
): HttpNode<C, A> {
  const { server, handshakeTimeoutMs = 10_000, ...rest } = options;
  if (typeof server?.on !== "function") {
    throw new TypeError(
      `Cannot create a server: server is ${typeof server}, must be an http.Server`,
    );
  }
  if (!(handshakeTimeoutMs > 0 && handshakeTimeoutMs <= MAX_TIMER_MS)) {
    throw new RangeError(
      `Cannot create a server: handshakeTimeoutMs is ${handshakeTimeoutMs}, must be more than 0 and at most ${MAX_TIMER_MS}`,
    );
  }
  const created = createNode(contract, {
    ...rest,
    adapter: rest.adapter ?? createInMemoryAdapter(),
  });
  const { node, settings } = created;
  const close = node.close.bind(node);
  let closed: Promise<void> | undefined;
  const detach = attach(node, server, {
    path: rest.path,
    maxMessageBytes: settings.limits.maxMessageBytes,
    handshakeTimeoutMs,
    closeTimeoutMs: settings.closeTimeoutMs,
    warn: created.warn,
  });
  const http = createHttpTransport(httpHostOf(created as never)); // of any contract
  return Object.assign(node, {
    answer: (request: IncomingRequestLike, response: OutgoingResponseLike) =>
      answerHttp(http, request, response),
    // Upgrades are taken until the end: while the node drains it has an answer for them.
    close: (how?: CloseOptions): Promise<void> =>
      closed ??= close(how).finally(detach),
  });
}
