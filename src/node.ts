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

const DEFAULT_HANDSHAKE_MS = 10_000;

/** Options of {@linkcode createSocketServer}. */
export interface NodeServerOptions<
  C extends ContractDefinition,
  A extends AuthResult<C>,
> extends ServerOptions<C, A> {
  /** The HTTP server whose upgrades are handled: those to `path`, or all. It is not closed with the socket server. */
  readonly server: HttpServerLike;
  /**
   * How long the first request of a connection to `server` may take to arrive, in milliseconds. Then the connection is
   * cut, whatever its purpose. Node alone takes 60 to 90 s.
   *
   * @default {10_000}
   */
  readonly handshakeTimeoutMs?: number;
}

/** A node on an `http.Server`. */
export interface HttpNode<C extends ContractDefinition, A> extends Node<C, A> {
  /**
   * Handles a request of the HTTP transport, for clients that cannot open a WebSocket.
   *
   * @returns `false` if the request is for the application: nothing was read then
   *
   * @example Beside the application's own requests
   * ```ts ignore
   * import { createServer } from "node:http";
   *
   * const server = createServer();
   * const srv = createSocketServer(api, { server, authenticate });
   * server.on("request", (request, response) => {
   *   if (!srv.answer(request, response)) response.writeHead(404).end();
   * });
   * ```
   */
  answer(
    request: IncomingRequestLike,
    response: OutgoingResponseLike,
  ): boolean;
}

/**
 * Creates a server for a contract on Node's `http.Server`.
 *
 * @param contract A contract that `defineContract` returned
 * @param options `server`, `authenticate`, and other options
 * @returns The server; `close` also stops handling the HTTP server's upgrades
 * @throws {TypeError} If `server` or `authenticate` is missing
 * @throws {RangeError} If a limit is not a positive number
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
  options:
    | NodeServerOptions<C, A>
    | ((srv: Node<C>) => NodeServerOptions<C, A>),
): HttpNode<C, A> {
  let given: NodeServerOptions<C, A> | undefined;
  const created = createNode(contract, (srv) => {
    given = typeof options === "function" ? options(srv) : options;
    const { server, handshakeTimeoutMs = DEFAULT_HANDSHAKE_MS, ...rest } =
      given;
    if (typeof server?.listeners !== "function") {
      throw new TypeError(
        `Cannot create a server: server is ${
          server === undefined ? "undefined" : "no http.Server"
        }, must be what createServer of node:http returns`,
      );
    }
    if (!(handshakeTimeoutMs > 0 && handshakeTimeoutMs <= MAX_TIMER_MS)) {
      throw new RangeError(
        `Cannot create a server: handshakeTimeoutMs is ${handshakeTimeoutMs}, must be more than 0 and at most ${MAX_TIMER_MS}`,
      );
    }
    return { ...rest, adapter: rest.adapter ?? createInMemoryAdapter() };
  });
  const { server, handshakeTimeoutMs = DEFAULT_HANDSHAKE_MS, path } =
    given as unknown as NodeServerOptions<C, A>; // set above, which the compiler does not see
  const { node, settings } = created;
  const close = node.close.bind(node);
  let closed: Promise<void> | undefined;
  const detach = attach(node, server, {
    path: path,
    maxMessageBytes: settings.limits.maxMessageBytes,
    handshakeTimeoutMs,
    closeTimeoutMs: settings.closeTimeoutMs,
    warn: created.warn,
  });
  const http = createHttpTransport(httpHostOf(created as never)); // of any contract
  return Object.assign(node, {
    answer: (request: IncomingRequestLike, response: OutgoingResponseLike) =>
      answerHttp(http, request, response),
    // Upgrades are handled until the end: a draining node still answers them.
    close: (how?: CloseOptions): Promise<void> =>
      closed ??= close(how).finally(detach),
  });
}
