/** A WebSocket client over bare TCP: any bytes may be sent, and reading can stop. */
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import type { Fields } from "./peer.ts";
import { until } from "./wait.ts";

export interface TcpOptions {
  readonly target?: string;
  readonly protocols?: string | undefined;
  readonly headers?: Record<string, string>;
  /** Answers no close frame, and stays half open after the server's end. */
  readonly deaf?: boolean;
}

export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
}

/** Servers in processes of their own answer late on a busy machine. */
const PATIENCE_MS = 20_000;

/** Dials and reads the answer's head; the status may be another than 101. */
export async function dial(
  port: number,
  {
    target = "/?role=user&name=ada",
    protocols = "superline.v1",
    headers = {},
    deaf = false,
  }: TcpOptions = {},
): Promise<TcpSocket> {
  const socket = new TcpSocket(port, { deaf });
  socket.bytes(upgradeBytes(target, `localhost:${port}`, protocols, headers));
  await until(
    () => socket.status !== 0 || socket.gone,
    "an HTTP answer",
    PATIENCE_MS,
  );
  return socket;
}

/** The bytes of an upgrade request. */
export function upgradeBytes(
  target: string,
  host = "localhost",
  protocols = "superline.v1",
  headers: Record<string, string> = {},
): string {
  const lines = [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  const all: Record<string, string> = {
    ...(protocols !== "" && { "Sec-WebSocket-Protocol": protocols }),
    ...headers,
  };
  for (const [name, value] of Object.entries(all)) {
    lines.push(`${name}: ${value}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Dials and waits for `hi`. */
export async function join(
  port: number,
  options?: TcpOptions,
): Promise<TcpSocket> {
  const socket = await dial(port, options);
  await socket.next("hi");
  return socket;
}

export class TcpSocket {
  /** The HTTP answer's status, 0 before it came. */
  status = 0;
  /** The HTTP answer's head. */
  head = "";
  /** Whether the connection is over. */
  gone = false;
  /** What a close frame said. */
  end: { code: number; reason: string } | undefined;
  /** Text messages as they came. */
  readonly messages: string[] = [];
  /** Frames of all text messages. */
  readonly frames: Fields[] = [];
  pongs = 0;
  readonly #socket: Socket;
  readonly #deaf: boolean;
  #unread: Uint8Array = new Uint8Array();

  constructor(port: number, { deaf = false }: { deaf?: boolean } = {}) {
    this.#deaf = deaf;
    this.#socket = connectTcp({
      port,
      host: "127.0.0.1",
      allowHalfOpen: deaf,
    });
    this.#socket.on("data", (data: Uint8Array) => this.#take(data));
    this.#socket.on("error", () => this.gone = true);
    this.#socket.on("close", () => this.gone = true);
  }

  /** Its own port, once it is connected. */
  get port(): number | undefined {
    return this.#socket.localPort;
  }

  /** Sends any bytes. */
  bytes(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** Sends one WebSocket frame. */
  frame(
    opcode: number,
    payload: string | Uint8Array,
    { fin = true, rsv = 0, masked = true }: FrameOptions = {},
  ): void {
    this.bytes(webSocketFrame(opcode, payload, { fin, rsv, masked }));
  }

  /** Sends frames of ours in one text message. */
  say(...frames: Fields[]): void {
    this.frame(1, frames.map((f) => JSON.stringify(f)).join("\n"));
  }

  text(text: string): void {
    this.frame(1, text);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Cuts the connection with a TCP reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A frame of a tag that has come, or comes. */
  async next(tag: string, id?: number): Promise<Fields> {
    const find = () =>
      this.frames.find((f) =>
        f[0] === tag && (id === undefined || f[1] === id)
      );
    await until(
      find,
      () =>
        `${tag} ${id ?? ""} in ${JSON.stringify(this.frames.slice(-5))}, end ${
          JSON.stringify(this.end)
        }`,
      PATIENCE_MS,
    );
    return find() as Fields; // just found
  }

  /** The close code that came, or comes; 1006 for a cut connection. */
  async closeCode(): Promise<number> {
    await until(() => this.end || this.gone, "a close", PATIENCE_MS);
    return this.end?.code ?? 1006;
  }

  #take(data: Uint8Array): void {
    let bytes = joinBytes(this.#unread, data);
    if (this.status === 0) {
      const text = new TextDecoder("latin1").decode(bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return void (this.#unread = bytes);
      this.head = text.slice(0, end);
      bytes = bytes.subarray(end + 4);
      this.status = Number(this.head.split(" ")[1]);
    }
    if (this.status !== 101) return;
    for (;;) {
      const frame = readFrame(bytes);
      if (!frame) break;
      bytes = bytes.subarray(frame.length);
      this.#frame(frame.opcode, frame.payload);
    }
    this.#unread = bytes;
  }

  #frame(opcode: number, payload: Uint8Array): void {
    const text = new TextDecoder().decode(payload);
    if (opcode === 1) {
      this.messages.push(text);
      if (text === "pong") return void this.pongs++;
      for (const line of text.split("\n")) {
        const frame: Fields = JSON.parse(line);
        this.frames.push(frame);
        const [tag, id] = frame;
        if (tag === "req") this.say(["err", id, "NOT_FOUND", "NOT_FOUND"]); // it knows no question
      }
    } else if (opcode === 8) {
      const code = payload.length < 2
        ? 1005
        : (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
      this.end ??= { code, reason: text.slice(2) };
      if (this.#deaf) return;
      this.frame(8, payload);
      this.#socket.end();
    } else if (opcode === 9) this.frame(10, payload);
  }
}

/**
 * The ports of the peers whose connections to a port some process still holds; on Linux. A connection that the process
 * has let go of may still be in the table, as nobody's.
 */
export function heldBy(port: number): number[] {
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return rows.flatMap((row) => {
    const [, local = "", remote = "", , , , , , , inode] = row.trim().split(
      /\s+/,
    );
    const portOf = (address: string) =>
      parseInt(address.split(":")[1] ?? "", 16);
    const peer = portOf(remote);
    return portOf(local) === port && peer > 0 && inode !== "0" ? [peer] : [];
  });
}

/** Encodes one frame, malformed ones included. */
export function webSocketFrame(
  opcode: number,
  payload: string | Uint8Array,
  { fin = true, rsv = 0, masked = true }: FrameOptions = {},
): Uint8Array {
  const body = typeof payload === "string"
    ? new TextEncoder().encode(payload)
    : payload.slice();
  const { length } = body;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 255]
    : [
      127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 255,
      (length >> 8) & 255,
      length & 255,
    ];
  size[0] = (size[0] ?? 0) | (masked ? 128 : 0);
  const mask = masked ? randomBytes(4) : new Uint8Array();
  if (masked) {
    for (let i = 0; i < length; i++) {
      body[i] = (body[i] ?? 0) ^ (mask[i % 4] ?? 0);
    }
  }
  const first = (fin ? 128 : 0) | (rsv << 4) | opcode;
  return joinBytes(Uint8Array.from([first, ...size]), mask, body);
}

function readFrame(
  bytes: Uint8Array,
): { opcode: number; payload: Uint8Array; length: number } | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  let size = second & 127;
  if (size === 126) {
    if (bytes.length < 4) return undefined;
    size = view.getUint16(2);
    at = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return undefined;
    size = Number(view.getBigUint64(2));
    at = 10;
  }
  if (bytes.length < at + size) return undefined;
  return {
    opcode: first & 15,
    payload: bytes.subarray(at, at + size),
    length: at + size,
  };
}

function joinBytes(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
