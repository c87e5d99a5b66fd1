/**
 * WebSockets of a Durable Object, which stay open while the object is out of memory.
 *
 * Facts about the runtime without a source were measured with workerd 2026-07-30, at compatibility dates from 2024 on.
 *
 * @module
 */
import { sendableCode, sendableReason } from "../../wire/close_codes.ts";
import type { Handshake } from "../../server/handshake/handshake.ts";
import type {
  ConnectionSnapshot,
  Socket,
  SocketEvents,
} from "../../seams/socket.ts";
import { PING, PONG } from "../../wire/protocol.ts";
import type { Data } from "../../wire/bytes.ts";
import type { Attachments } from "./attachment.ts";
import {
  type DurableSocketLike,
  type DurableStateLike,
  globals,
  upgraded,
} from "./types.ts";
import { Unread } from "./read_receipts.ts";

const OPEN = 1;

/** The sockets of one Durable Object. */
export class DurableSockets {
  readonly #state: DurableStateLike;
  readonly #attachments: Attachments;
  readonly #open = new Map<DurableSocketLike, Open>();

  constructor(state: DurableStateLike, attachments: Attachments) {
    this.#state = state;
    this.#attachments = attachments;
    const { WebSocketRequestResponsePair } = globals();
    state.setWebSocketAutoResponse(
      new WebSocketRequestResponsePair(PING, PONG),
    );
  }

  /** Upgrades a request. */
  open(handshake: Extract<Handshake, { kind: "upgrade" }>): Response {
    const { WebSocketPair } = globals();
    const { 0: far, 1: near } = new WebSocketPair();
    const socket = new DurableSocket(near, this.#state, this.#attachments);
    if (handshake.refused) {
      // With hibernation, a client that has sent nothing sees the close only when the object leaves memory.
      near.accept();
      handshake.open(socket);
    } else {
      this.#state.acceptWebSocket(near);
      this.#open.set(near, { socket, events: handshake.open(socket) });
    }
    const headers = { "sec-websocket-protocol": handshake.protocol };
    return upgraded(far, headers);
  }

  /** Restores the connections after a sleep. */
  restore(
    make: (
      socket: Socket,
      snapshot: ConnectionSnapshot,
    ) => SocketEvents | undefined,
  ): Promise<void> | undefined {
    const sockets = this.#state.getWebSockets()
      .filter(({ readyState }) => readyState === OPEN);
    return this.#attachments.restore(sockets, (ws, snapshot) => {
      const socket = new DurableSocket(ws, this.#state, this.#attachments);
      const events = snapshot && make(socket, snapshot);
      if (events) this.#open.set(ws, { socket, events });
      else {socket.close(
          1012,
          "the server slept before the connection was ready",
        );}
    });
  }

  /** A message arrived. */
  message(
    ws: DurableSocketLike,
    message: string | ArrayBuffer,
  ): Promise<void> | undefined {
    const open = this.#open.get(ws);
    if (!open) return undefined;
    const { socket, events } = open;
    if (socket.hasRead(message, events)) return undefined;
    events.message(
      typeof message === "string" ? message : new Uint8Array(message),
    );
    return events.settled?.();
  }

  /** A socket closed, or its peer wants to close it. */
  closed(ws: DurableSocketLike, code: number, reason: string): void {
    this.#open.get(ws)?.events.closed(code, reason);
    this.#open.delete(ws);
    // The peer waits for an answer, whatever the compatibility date; 3 is the state after a close by this side.
    if (ws.readyState !== 3) {
      ws.close(sendableCode(code), sendableReason(reason));
    }
  }
}

interface Open {
  readonly socket: DurableSocket;
  readonly events: SocketEvents;
}

class DurableSocket implements Socket {
  readonly #ws: DurableSocketLike;
  readonly #state: DurableStateLike;
  readonly #attachments: Attachments;
  readonly #unread = new Unread();

  constructor(
    ws: DurableSocketLike,
    state: DurableStateLike,
    attachments: Attachments,
  ) {
    this.#ws = ws;
    this.#state = state;
    this.#attachments = attachments;
  }

  send(data: Data): void {
    if (this.#ws.readyState !== OPEN) return; // it would throw
    this.#ws.send(data as Uint8Array<ArrayBuffer>); // these bytes are never on shared memory
    this.#ask(this.#unread.sent(data));
  }

  /** Handles an answer that shows how far the peer has read. Returns whether the message contained nothing else. */
  hasRead(message: string | ArrayBuffer, events: SocketEvents): boolean {
    const answer = this.#unread.answered(message);
    if (!answer) return false;
    this.#ask(answer.next);
    events.alive();
    events.drained();
    return answer.only;
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState === OPEN) this.#ws.close(code, reason);
  }

  /** The number of bytes that the peer has not read, since the runtime does not report how many are waiting. */
  buffered(): number | undefined {
    return this.#unread.bytes;
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  keep(snapshot: ConnectionSnapshot | undefined): Error | undefined {
    return this.#attachments.keep(this.#ws, snapshot);
  }

  #ask(question: string | undefined): void {
    if (question !== undefined && this.#ws.readyState === OPEN) {
      this.#ws.send(question);
    }
  }

  answeredAt(): number | undefined {
    return this.#state.getWebSocketAutoResponseTimestamp(this.#ws)?.getTime();
  }
}
