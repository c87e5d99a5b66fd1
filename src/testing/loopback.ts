/**
 * A server and its clients in one process, without a port.
 *
 * @module
 */
import type { WebSocketConstructor } from "../client/link.ts";
import type {
  Handshake,
  HandshakeExtras,
} from "../server/handshake/handshake.ts";
import { LoopbackWebSocket } from "./loopback_socket.ts";
import { Wire } from "./wire.ts";

/** What is used of a server. */
export interface HandshakerLike {
  /** Decides about an upgrade. */
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
}

/**
 * Makes a `WebSocket` for clients that leads straight to a server: same frames, same limits, no network.
 *
 * @param srv What `createSocketServer` returned
 * @param extras What a runtime or middleware would know of each request
 * @returns What to pass to `createClient` as `WebSocket`
 *
 * @example An app's test
 * ```ts
 * import { z } from "zod";
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { createClient } from "@super-line/edge/client";
 * import { loopback } from "@super-line/edge/testing";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
 * });
 * const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
 * srv.implement({ user: { echo: (text) => text } });
 *
 * const client = createClient(api, { url: "ws://app.test", role: "user", WebSocket: loopback(srv) });
 * console.log(await client.echo("hi"));
 * client.close();
 * await srv.close();
 * ```
 */
export function loopback(
  srv: HandshakerLike,
  extras: HandshakeExtras = {},
): WebSocketConstructor {
  return class extends LoopbackWebSocket {
    constructor(url: string, protocols: string[]) {
      const { carry } = new Wire();
      super({ srv, extras, carry }, url, protocols);
    }
  };
}
