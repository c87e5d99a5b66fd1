/**
 * For Bun: sharing its one WebSocket handler with an app that has WebSocket routes of its own.
 *
 * @example Beside a socket of one's own
 * ```ts ignore
 * import { combineWebSockets } from "@super-line/edge/bun";
 *
 * export default {
 *   fetch: app.fetch,
 *   websocket: combineWebSockets(srv.websocket, {
 *     message: (ws: Bun.ServerWebSocket, text: string) => ws.send(text),
 *   }),
 * };
 * ```
 *
 * @module
 */
import {
  type BunSocketLike,
  type BunWebSocketHandler,
  isOurs,
} from "./runtimes/bun.ts";

export type {
  BunServerLike,
  BunSocketLike,
  BunWebSocketHandler,
} from "./runtimes/bun.ts";

/** The WebSocket handler of an app; `open`, `message`, `drain`, `pong` and `close` are used. */
export type AnyHandler = Readonly<Record<string, unknown>>;

/**
 * Combines two handlers: each socket goes to the one that created it.
 *
 * @param ours `srv.websocket`
 * @param theirs The app's own handler, such as `websocket` of `hono/bun`; options that `ours` does not have are kept
 * @returns The handler for `Bun.serve` or `export default`. The larger of the two message limits applies to the
 * listener; each server enforces its own.
 */
export function combineWebSockets<T extends AnyHandler>(
  ours: BunWebSocketHandler,
  theirs: T,
): T & BunWebSocketHandler {
  const pick = (event: "open" | "message" | "drain" | "pong" | "close") => {
    const own = ours[event] as (
      ws: BunSocketLike,
      ...rest: unknown[]
    ) => unknown; // each takes a socket first
    const other = theirs[event];
    return (ws: BunSocketLike, ...rest: unknown[]) => {
      if (isOurs(ws)) return own(ws, ...rest);
      return typeof other === "function"
        ? other.call(theirs, ws, ...rest)
        : undefined;
    };
  };
  const limit = typeof theirs["maxPayloadLength"] === "number"
    ? theirs["maxPayloadLength"]
    : 0;
  const combined = {
    ...theirs,
    ...ours,
    maxPayloadLength: Math.max(ours.maxPayloadLength, limit),
    open: pick("open"),
    message: pick("message"),
    drain: pick("drain"),
    pong: pick("pong"),
    close: pick("close"),
  };
  return combined as unknown as T & BunWebSocketHandler; // every member of both, dispatched by socket
}
