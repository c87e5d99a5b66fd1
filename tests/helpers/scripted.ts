/** A WebSocket whose server is the test itself. */
import type {
  WebSocketConstructor,
  WebSocketLike,
} from "../../src/client/client.ts";
import { FEATURES, type Hello } from "../../src/wire/protocol.ts";
import type { Fields } from "./peer.ts";
import { until } from "./wait.ts";

export interface Script {
  /** What to pass to `createClient`. */
  readonly WebSocket: WebSocketConstructor;
  /** Every dial, in order. */
  readonly sockets: ScriptedSocket[];
  /** The dial of that number, from 0, once there is one. */
  dialled(index: number): Promise<ScriptedSocket>;
}

export function createScript(
  dialling?: (socket: ScriptedSocket) => void,
): Script {
  const sockets: ScriptedSocket[] = [];
  return {
    sockets,
    WebSocket: class extends ScriptedSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
        if (dialling) queueMicrotask(() => dialling(this));
      }
    },
    async dialled(index) {
      await until(() => sockets.length > index, `dial ${index}`);
      return sockets[index] as ScriptedSocket; // just awaited
    },
  };
}

export class ScriptedSocket implements WebSocketLike {
  binaryType = "";
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly url: string;
  readonly protocols: string[];
  /** Messages that the client sent. */
  readonly sent: string[] = [];
  /** What the client closed with. */
  closed: { code: number | undefined; reason: string | undefined } | undefined;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(data: string | Uint8Array): void {
    if (typeof data === "string") this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (new TextEncoder().encode(reason).length > 123) {
      throw new SyntaxError("The reason is too long"); // as the standard has it
    }
    this.closed ??= { code, reason };
  }

  /** The frames that the client sent. */
  get frames(): Fields[] {
    return this.sent.filter((text) => text !== "ping").flatMap((text) =>
      text.split("\n")
    ).map((line) => JSON.parse(line));
  }

  open(): void {
    this.onopen?.(undefined as never);
  }

  hi(hello: Partial<Hello> = {}): void {
    this.open();
    this.receive(["hi", {
      v: 1,
      id: "n.1",
      role: "user",
      serializer: "json",
      heartbeatMs: 25_000,
      maxMessageBytes: 1_048_576,
      maxInFlight: 64,
      maxSubscriptions: 1_000,
      features: FEATURES,
      ...hello,
    }]);
  }

  /** One message with these frames. */
  receive(...frames: Fields[]): void {
    this.text(frames.map((f) => JSON.stringify(f)).join("\n"));
  }

  text(data: string): void {
    this.onmessage?.({ data });
  }

  /** The server closes. */
  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }

  /** As Node 20 does it: nothing but an error. */
  fail(): void {
    this.onerror?.(undefined as never);
  }
}
