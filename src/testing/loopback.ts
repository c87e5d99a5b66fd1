/**
 * A server and its clients in one process, without a port.
 *
 * @module
 */
import type { WebSocketConstructor, WebSocketLike } from "../client/link.ts";
import { CloseCode } from "../close_codes.ts";
import type { Handshake, HandshakeExtras } from "../handshake.ts";
import type { Data, Socket, SocketEvents } from "../socket.ts";

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
      super(srv, extras, url, protocols);
    }
  };
}

class LoopbackWebSocket implements WebSocketLike {
  binaryType = "arraybuffer";
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly #gone = new AbortController();
  #events: SocketEvents | undefined;
  #over = false;

  constructor(
    srv: HandshakerLike,
    extras: HandshakeExtras,
    url: string,
    protocols: string[],
  ) {
    const target = new URL(url.replace(/^ws/, "http"));
    const request = new Request(target, {
      headers: {
        host: target.host,
        upgrade: "websocket",
        "sec-websocket-protocol": protocols.join(", "),
      },
    });
    const { signal } = this.#gone;
    srv.handshake(request, { ...extras, signal }).then((handshake) => {
      if (this.#over) {
        return handshake.kind === "upgrade" && handshake.abandon();
      }
      if (handshake.kind === "respond") {
        return this.#end(CloseCode.abnormal, "");
      }
      this.onopen?.(undefined as never); // the event is not looked at
      this.#events = handshake.open(this.#serverSide());
    });
  }

  send(data: Data): void {
    if (this.#over) return;
    const copy = typeof data === "string" ? data : data.slice();
    this.#later(() => this.#events?.message(copy));
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    if (this.#over) return;
    this.#gone.abort();
    this.#later(() => this.#events?.closed(code, reason));
    this.#end(code, reason);
  }

  /** The server's end of it. */
  #serverSide(): Socket {
    return {
      send: (data) => {
        const copy = typeof data === "string" ? data : data.slice().buffer;
        this.#later(() => !this.#over && this.onmessage?.({ data: copy }));
      },
      close: (code, reason) => this.#end(code, reason),
      buffered: () => 0,
      endOfTurn: (fn) => queueMicrotask(fn),
    };
  }

  #end(code: number, reason: string): void {
    this.#later(() => {
      if (this.#over) return;
      this.#over = true;
      this.#events?.closed(code, reason);
      this.onclose?.({ code, reason });
    });
  }

  /** A network never calls back inside a call; in order, like its messages. */
  #later(fn: () => void): void {
    setTimeout(fn);
  }
}
