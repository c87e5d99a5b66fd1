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

/** What an app's own handler for Bun may have; `open`, `message`, `drain`, `pong` and `close` are looked at. */
export type AnyHandler = Readonly<Record<string, unknown>>;

/**
 * Makes one handler of two: each socket goes to the one that made it.
 *
 * @param ours What `srv.websocket` is
 * @param theirs The app's own, such as the `websocket` of `hono/bun`; its options that ours lacks are kept
 * @returns The handler for `Bun.serve` or `export default`. Messages may be as large as the larger of the two allows;
 * each server still holds its own limit.
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
  return combined as unknown as T & BunWebSocketHandler; // every member of both is there, dispatched by socket
}
