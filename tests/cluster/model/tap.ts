/** A WebSocket that shows what crosses it, as it is on the wire. */
import type {
  WebSocketConstructor,
  WebSocketLike,
} from "../../../src/client/client.ts";

/** One frame. */
export type Frame = readonly [tag: string, ...fields: unknown[]];

/** What is told of one connection. */
export interface TapHost {
  sent(frame: Frame): void;
  received(frame: Frame): void;
  /** The client lets go of it; frames may still come. */
  closing(): void;
  closed(): void;
}

/** A tapped WebSocket constructor, and the connection that it made last. */
export interface Tap {
  readonly WebSocket: WebSocketConstructor;
  /** Breaks the connection without a word. */
  cut(): void;
}

/** Makes what a client dials with; `open` is asked at each attempt. */
export function tap(open: () => TapHost): Tap {
  let current: Tapped | undefined;
  class Tapped implements WebSocketLike {
    onopen: WebSocketLike["onopen"] = null;
    onmessage: WebSocketLike["onmessage"] = null;
    onerror: WebSocketLike["onerror"] = null;
    onclose: WebSocketLike["onclose"] = null;
    readonly #socket: WebSocket;
    readonly #host = open();

    constructor(url: string, protocols: string[]) {
      current = this; // deno-lint-ignore-line no-this-alias
      const socket = this.#socket = new WebSocket(url, protocols);
      socket.onopen = (event) => this.onopen?.(event as never); // handlers look at nothing
      socket.onerror = (event) => this.onerror?.(event as never);
      socket.onmessage = (event) => {
        for (const frame of framesOf(event.data)) this.#host.received(frame);
        this.onmessage?.(event);
      };
      socket.onclose = (event) => {
        this.#host.closed();
        this.onclose?.(event);
      };
    }

    set binaryType(type: string) {
      this.#socket.binaryType = type as BinaryType; // the client's own
    }

    send(data: string): void {
      for (const frame of framesOf(data)) this.#host.sent(frame);
      this.#socket.send(data);
    }

    close(code?: number, reason?: string): void {
      this.#host.closing();
      this.#socket.close(code, reason);
    }

    cut(): void {
      this.#host.closing();
      (this.#socket as { terminate?(): void }).terminate?.(); // Bun's has it
    }
  }
  return {
    WebSocket: Tapped as WebSocketConstructor, // text frames only: the contract has no serializer
    cut: () => current?.cut(),
  };
}

function framesOf(data: unknown): Frame[] {
  const text = String(data);
  if (text === "ping" || text === "pong") return [];
  return text.split("\n").map((line) => JSON.parse(line));
}
