/** A raw client without a network: frames in, frames out, and a buffer that tests can fill. */
import type { Handshake, HandshakeExtras } from "../../mod.ts";
import type { Data } from "../../src/wire/bytes.ts";
import type { Socket, SocketEvents } from "../../src/seams/socket.ts";
import { PROTOCOL } from "../../src/wire/protocol.ts";
import { tokenProtocol } from "../../src/wire/token.ts";
import { until } from "./wait.ts";

export type Fields = [tag: string, ...fields: unknown[]];

interface Handshaker {
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
}

export interface PeerOptions {
  readonly role?: string;
  readonly name?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly extras?: HandshakeExtras;
}

/** The request that a client of this package makes. */
export function upgradeRequest(
  { role = "user", name = "ada", token, headers }: PeerOptions = {},
): Request {
  const protocols = token === undefined
    ? [PROTOCOL]
    : [PROTOCOL, tokenProtocol(token)];
  return new Request(`http://app.test/?role=${role}&name=${name}`, {
    headers: {
      host: "app.test",
      upgrade: "websocket",
      "sec-websocket-protocol": protocols.join(", "),
      ...headers,
    },
  });
}

/** Connects; resolves when the socket is open, which may be before `hi`. */
export async function connect(
  srv: Handshaker,
  options: PeerOptions = {},
): Promise<Peer> {
  const peer = new Peer();
  const handshake = await srv.handshake(
    upgradeRequest(options),
    options.extras,
  );
  if (handshake.kind === "respond") {
    throw new Error(`HTTP ${handshake.response.status}`);
  }
  peer.events = handshake.open(peer);
  return peer;
}

/** Connects several, each ready. */
export function connectMany(
  srv: Handshaker,
  count: number,
  options: PeerOptions = {},
): Promise<Peer[]> {
  return Promise.all(
    Array.from({ length: count }, () => connect(srv, options)),
  );
}

export class Peer implements Socket {
  /** Messages as they came. */
  readonly messages: Data[] = [];
  /** All text frames, in order. */
  readonly frames: Fields[] = [];
  end: { code: number; reason: string } | undefined;
  /** How many bytes wait for this reader. */
  waiting = 0;
  events: SocketEvents | undefined;

  send(data: Data): void {
    this.messages.push(data);
    if (typeof data !== "string" || data === "pong") return;
    for (const line of data.split("\n")) this.frames.push(JSON.parse(line));
  }

  close(code: number, reason: string): void {
    this.end ??= { code, reason };
    this.events?.closed(code, reason);
  }

  buffered(): number {
    return this.waiting;
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  /** Sends frames in one message. */
  say(...frames: Fields[]): void {
    this.events?.message(frames.map((f) => JSON.stringify(f)).join("\n"));
  }

  /** The peer goes, without a close frame unless a code is given. */
  leave(code = 1006): void {
    this.end ??= { code, reason: "" };
    this.events?.closed(code, "");
  }

  /** The reader has caught up. */
  drain(): void {
    this.waiting = 0;
    this.events?.drained();
  }

  /** The frames of one tag. */
  of(tag: string): Fields[] {
    return this.frames.filter((frame) => frame[0] === tag);
  }

  /** The answers to one call. */
  answersTo(id: number): Fields[] {
    return this.frames.filter(([tag, at]) =>
      (tag === "res" || tag === "err") && at === id
    );
  }

  /** The answer to one call. */
  async answer(id: number): Promise<Fields> {
    await until(
      () => this.answersTo(id).length > 0,
      () => `an answer to ${id} in ${JSON.stringify(this.frames)}`,
    );
    return this.answersTo(id)[0] as Fields; // there is one
  }

  /** Sends a call and waits for its answer. */
  call(...frame: Fields): Promise<Fields> {
    this.say(frame);
    return this.answer(frame[1] as number);
  }
}
