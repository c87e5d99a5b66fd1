/**
 * Both ends of one WebSocket, without a network between them.
 *
 * @module
 */
import type { WebSocketLike } from "../client/link.ts";
import { CloseCode } from "../wire/close_codes.ts";
import type { HandshakeExtras } from "../server/handshake/handshake.ts";
import type { Data } from "../wire/bytes.ts";
import type { Socket, SocketEvents } from "../seams/socket.ts";
import type { HandshakerLike } from "./loopback.ts";

/** Where a dial leads. */
export interface Route {
  readonly srv: HandshakerLike;
  readonly extras: HandshakeExtras;
  /** Runs a function later, in order. */
  readonly carry: (fn: () => void) => void;
}

/** A client's `WebSocket`, with the server's end inside. */
export class LoopbackWebSocket implements WebSocketLike {
  binaryType = "arraybuffer";
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly #gone = new AbortController();
  readonly #route: Route;
  #events: SocketEvents | undefined;
  #over = false;

  constructor(route: Route, url: string, protocols: string[]) {
    this.#route = route;
    const target = new URL(url.replace(/^ws/, "http"));
    const request = new Request(target, {
      headers: {
        host: target.host,
        upgrade: "websocket",
        "sec-websocket-protocol": protocols.join(", "),
      },
    });
    const { srv, extras, carry } = route;
    const { signal } = this.#gone;
    carry(() => {
      if (this.#over) return;
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
    });
  }

  send(data: Data): void {
    if (this.#over) return;
    const copy = typeof data === "string" ? data : data.slice();
    this.#route.carry(() => this.#events?.message(copy));
  }

  close(code: number = CloseCode.normal, reason = ""): void {
    if (this.#over) return;
    this.#gone.abort();
    this.#route.carry(() => this.#events?.closed(code, reason));
    this.#end(code, reason);
  }

  /** Breaks at once, as a cable does: nothing that is on its way arrives, and both ends see 1006. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#gone.abort();
    this.#events?.closed(CloseCode.abnormal, "");
    this.onclose?.({ code: CloseCode.abnormal, reason: "" });
  }

  /** The server's end of it. */
  #serverSide(): Socket {
    return {
      send: (data) => {
        const copy = typeof data === "string" ? data : data.slice().buffer;
        this.#route.carry(() =>
          !this.#over && this.onmessage?.({ data: copy })
        );
      },
      close: (code, reason) => this.#end(code, reason),
      buffered: () => 0,
      endOfTurn: (fn) => queueMicrotask(fn),
    };
  }

  #end(code: number, reason: string): void {
    this.#route.carry(() => {
      if (this.#over) return;
      this.#over = true;
      this.#events?.closed(code, reason);
      this.onclose?.({ code, reason });
    });
  }
}
