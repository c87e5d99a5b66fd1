/**
 * Where a node meets the runtime: the one file that picks.
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

/** A node that a runtime can serve. */
export interface SocketServer<
  C extends ContractDefinition = ContractDefinition,
  // deno-lint-ignore no-explicit-any -- a node of any login takes every other
  A = any,
> extends Node<C, A> {
  /**
   * Answers a request: upgrades it, or says why not. Never rejects.
   *
   * @param request The request as the runtime made it
   * @param platform What the runtime passes beside it: Bun's server, Deno's info, Cloudflare's env
   */
  readonly fetch: (request: Request, platform?: unknown) => Promise<Response>;
  /** What Bun needs beside `fetch`; other runtimes ignore it. */
  readonly websocket: BunWebSocketHandler;
  /**
   * As `fetch`, for middleware that knows more of the request.
   *
   * @param request The original request
   * @param platform What the runtime passed beside it
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
 * It serves nothing by itself: `export default srv` under `bun run`, or pass `srv.fetch` and `srv.websocket` on.
 *
 * @param contract What `defineContract` returned
 * @param options `authenticate`, and what else is to differ from the defaults
 * @returns The server; requests are answered with 503 until `implement` was called
 * @throws {TypeError} When `authenticate` is missing or an option is no number of its kind
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
  options: ServerOptions<C, A>,
): SocketServer<C, A> {
  const created = createNode(contract, {
    ...options,
    adapter: options?.adapter ?? createInMemoryAdapter(),
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
        // Deno's own aborts for answered requests as well, and Deno prints a warning once it was read (2.9).
        return extras.signal ?? (deno ? undefined : request.signal);
      },
      cannotTerminate: false,
    };
    const answer = http.take(request, known);
    if (answer) return await answer;
    known.cannotTerminate = onDeno !== undefined && !onDeno.canTerminate;
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

  // Own members: Deno refuses a default export whose fetch is inherited, and Bun calls it with another `this`.
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
