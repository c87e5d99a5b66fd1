/**
 * `createSocketServer` for Bun, Deno, and Hono on any runtime: the only file that detects the runtime.
 *
 * @module
 */
import { createInMemoryAdapter } from "../../adapters/memory.ts";
import type { Contract } from "../contract/define.ts";
import type { HandshakeExtras } from "../server/handshake/handshake.ts";
import type { AuthResult, ContractDefinition } from "../contract/types.ts";
import { createNode } from "../server/create_node.ts";
import type { Node } from "../server/api/types.ts";
import type { ServerOptions } from "../server/options.ts";
import { createHttpTransport } from "./http.ts";
import { httpHostOf } from "./http_host.ts";
import {
  copyOf,
  createDenoUpgrade,
  denoAddressIn,
  denoGlobal,
} from "./deno.ts";
import {
  bunServerIn,
  type BunWebSocketHandler,
  createBunHandler,
  createBunUpgrade,
} from "./bun.ts";

/** A node that any runtime can serve. */
export interface SocketServer<
  C extends ContractDefinition = ContractDefinition,
  // deno-lint-ignore no-explicit-any -- a node of any login takes every other
  A = any,
> extends Node<C, A> {
  /**
   * Responds to a request: upgrades it, or refuses it. Never rejects.
   *
   * @param request The request as the runtime created it
   * @param platform The runtime's second argument: Bun's server, Deno's info, Cloudflare's env
   */
  readonly fetch: (request: Request, platform?: unknown) => Promise<Response>;
  /** The WebSocket handler for Bun; other runtimes ignore it. */
  readonly websocket: BunWebSocketHandler;
  /**
   * As `fetch`, for middleware that knows more about the request.
   *
   * @param request The original request
   * @param platform The runtime's second argument
   * @param extras What the middleware knows
   */
  readonly upgrade: (
    request: Request,
    platform: unknown,
    extras: HandshakeExtras,
  ) => Promise<Response>;
}

/**
 * Creates a server for a contract.
 *
 * The server does not listen by itself: use `export default srv` with `bun run`, or pass `srv.fetch` and
 * `srv.websocket` on.
 *
 * @param contract A contract that `defineContract` returned
 * @param options `authenticate`, and other options; or a function of the server that returns them, for options that are
 * defined in another file and whose hooks use the server
 * @returns The server; it answers with 503 until `implement` was called
 * @throws {TypeError} If `authenticate` is missing or an option is invalid
 *
 * @example A server that echoes
 * ```ts
 * import { z } from "zod";
 * import { createSocketServer, defineContract } from "@super-line/edge";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
 * });
 * const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
 * srv.implement({ user: { echo: (text) => text } });
 *
 * export default srv;
 * ```
 */
export function createSocketServer<
  C extends ContractDefinition,
  A extends AuthResult<C>,
>(
  contract: Contract<C>,
  options: ServerOptions<C, A> | ((srv: Node<C>) => ServerOptions<C, A>),
): SocketServer<C, A> {
  const created = createNode(contract, (srv) => {
    const given = typeof options === "function" ? options(srv) : options;
    if (Object.hasOwn(Object(given), "server")) {
      throw new TypeError(
        "Cannot create a server: server is an option of another entry, import createSocketServer from @super-line/edge/node",
      );
    }
    // What is no object is for createNode to refuse.
    return typeof given === "object"
      ? { ...given, adapter: given.adapter ?? createInMemoryAdapter() }
      : given;
  });
  const { node, settings } = created;
  const http = createHttpTransport(httpHostOf(created as never)); // of any contract
  const upgradeOnBun = createBunUpgrade();
  const deno = denoGlobal();
  const onDeno = deno && createDenoUpgrade(deno);

  async function upgrade(
    request: Request,
    platform: unknown,
    extras: HandshakeExtras,
  ): Promise<Response> {
    const bun = bunServerIn(platform);
    const known = {
      ...extras,
      get remoteAddress() {
        return extras.remoteAddress ??
          (bun ? bun.requestIP?.(request)?.address : denoAddressIn(platform));
      },
      get signal() {
        // Deno aborts its signal for answered requests as well, and prints a warning when it is read (2.9).
        return extras.signal ?? (deno ? undefined : request.signal);
      },
      cannotTerminate: false,
      refuseByHttp: false,
    };
    const answer = http.take(request, known);
    if (answer) return await answer;
    if (onDeno) {
      known.cannotTerminate = !onDeno.canTerminate;
      known.refuseByHttp = known.cannotTerminate || onDeno.losesSockets;
    }
    const handshake = await node.handshake(
      deno ? copyOf(request) : request,
      known,
    );
    if (handshake.kind === "respond") return handshake.response;
    if (bun) return upgradeOnBun(request, bun, handshake);
    if (onDeno) return onDeno.upgrade(request, handshake);
    handshake.abandon();
    const message =
      "This runtime cannot upgrade here: on Bun fetch must be given the server, on Node use @super-line/edge/node or superline(srv, { upgradeWebSocket })\n";
    return new Response(message, { status: 501 });
  }

  // Own members: Deno refuses a default export with an inherited fetch, and Bun calls it with another `this`.
  return Object.assign(node, {
    fetch: (request: Request, platform?: unknown) =>
      upgrade(request, platform, {}),
    websocket: createBunHandler(
      settings.limits.maxMessageBytes,
      settings.heartbeatTimeoutMs,
    ),
    upgrade,
  });
}
