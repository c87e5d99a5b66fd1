/** A WebSocket with nothing of ours around it: what came is kept, any frame may be sent. */
import type {
  WebSocketConstructor,
  WebSocketLike,
} from "../../src/client/client.ts";
import type { Fields } from "../helpers/peer.ts";
import { until } from "./until.ts";

export class RawSocket {
  /** What happened, in order: `open`, `message`, `close`. */
  readonly happened: string[] = [];
  /** Messages as they came. */
  readonly messages: unknown[] = [];
  /** Frames of text messages. */
  readonly frames: Fields[] = [];
  end: { code: number; reason: string } | undefined;
  readonly #socket: WebSocketLike & { readonly protocol?: string };

  constructor(
    WebSocket: WebSocketConstructor,
    url: string,
    protocols: string[] = ["superline.v1"],
  ) {
    this.#socket = new WebSocket(url, protocols);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => void this.happened.push("open");
    this.#socket.onmessage = ({ data }) => {
      this.happened.push("message");
      this.messages.push(data);
      if (typeof data !== "string" || data === "pong") return;
      for (const line of data.split("\n")) this.frames.push(JSON.parse(line));
    };
    this.#socket.onerror = () => void this.happened.push("error");
    this.#socket.onclose = ({ code, reason }) => {
      this.happened.push("close");
      this.end ??= { code, reason };
    };
  }

  /** The subprotocol that the server chose. */
  get protocol(): string {
    return this.#socket.protocol ?? "";
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** Sends frames in one message. */
  say(...frames: Fields[]): void {
    this.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** The first frame of a tag, that has come or comes. */
  async next(tag: string, id?: number): Promise<Fields> {
    const find = () =>
      this.frames.find((frame) =>
        frame[0] === tag && (id === undefined || frame[1] === id)
      );
    await until(find, () => `${tag} ${id ?? ""} after ${this.told()}`);
    return find() as Fields; // just found
  }

  /** The close that came, or comes. */
  async closed(): Promise<{ code: number; reason: string }> {
    await until(() => this.end, () => `a close after ${this.told()}`);
    return this.end ?? { code: 0, reason: "" };
  }

  /** Resolves when it is refused before it opened; some clients tell only of an error, some of a code. */
  async refused(): Promise<void> {
    const over = ["error", "close"];
    await until(
      () => this.happened.some((it) => over.includes(it)),
      () => `a refusal after ${this.told()}`,
    );
    const [first = ""] = this.happened;
    if (over.includes(first) && this.frames.length === 0) return;
    throw new Error(`It was accepted: ${this.told()}`);
  }

  /** What came, for messages of failures. */
  told(): string {
    return `${this.happened} ${JSON.stringify(this.frames).slice(0, 300)} ${
      JSON.stringify(this.end)
    }`;
  }
}
