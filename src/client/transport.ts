/**
 * What carries a client's messages: a WebSocket, or something that behaves like one.
 *
 * @module
 */
import type { WebSocketConstructor, WebSocketLike } from "./link.ts";

/** A way to reach a server. */
export interface Transport {
  /** What `onStatus` reports while a connection uses it. */
  readonly name: string;
  /**
   * Starts one connection.
   *
   * @param url Where the server is, with `ws:` or `wss:`
   * @param protocols The subprotocols to offer; one of them carries the token
   */
  dial(url: string, protocols: string[]): WebSocketLike;
  /** Makes a transport that uses this one where another fails. The list of transports is joined with it. */
  behind?(first: Transport): Transport;
}

/**
 * Makes the transport that clients use when no other is given: a WebSocket.
 *
 * @param WebSocket What dials; the global `WebSocket` when left out
 * @throws {TypeError} When it is used and there is no global `WebSocket`
 */
export function webSocket(WebSocket?: WebSocketConstructor): Transport {
  return {
    name: "webSocket",
    // The global one is not of our structural type, but has all its members.
    dial: (url, protocols) =>
      new (WebSocket ??
        globalThis.WebSocket as unknown as WebSocketConstructor)(
        url,
        protocols,
      ),
  };
}
