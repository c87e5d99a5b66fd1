/**
 * One client's WebSocket: dialled, watched, dialled again.
 *
 * @module
 */
import { backoffDelay, type BackoffOptions } from "../shared/backoff.ts";
import {
  ABNORMAL,
  BAD_PROTOCOL,
  comebackAfter,
  HEARTBEAT_LOST,
  NORMAL,
} from "../wire/close_codes.ts";
import {
  type Fields,
  type Hello,
  PING,
  PONG,
  PROTOCOL,
  read,
} from "../wire/protocol.ts";
import type { Data } from "../wire/bytes.ts";
import { addressOf, type Target } from "./address.ts";
import { tokenProtocol } from "../wire/token.ts";
import type { Transport } from "./transport.ts";

/** What is used of a standard `WebSocket`. */
export interface WebSocketLike {
  /** The transport's name, where it is another than the one that was dialled. */
  readonly transport?: string;
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** The subprotocol is agreed, and messages may be sent. */
  onopen: ((event: never) => void) | null;
  /** A message came. */
  onmessage: ((event: { data: unknown }) => void) | null;
  /** The connection failed; some implementations say nothing else. */
  onerror: ((event: never) => void) | null;
  /** The connection is over. */
  onclose: ((event: { code: number; reason: string }) => void) | null;
  /** Sends one message. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** What makes a {@linkcode WebSocketLike}: the global `WebSocket`, or `ws` on Node 20. */
export type WebSocketConstructor = new (
  url: string,
  protocols: string[],
) => WebSocketLike;

/**
 * Where a client is.
 *
 * - `idle`: a `lazy` one that was not used yet
 * - `connecting`: an attempt is under way
 * - `open`: the server said hello
 * - `waiting`: until the next attempt
 * - `closed`: for good
 */
export type ClientState = "idle" | "connecting" | "open" | "waiting" | "closed";

/** Where a client is, and what brought it there. */
export interface ClientStatus {
  /** Where it is. */
  readonly state: ClientState;
  /** The code of the last close; 1006 when the connection broke. */
  readonly code?: number;
  /** The reason that came with it. */
  readonly reason?: string;
  /** Whether it will try again by itself. */
  readonly willRetry: boolean;
  /** While it waits: how long, in milliseconds from this status on. */
  readonly retryInMs?: number;
  /** While it is open: the name of the transport that it uses. */
  readonly transport?: string;
}

/** What a link is made of. */
export interface LinkOptions {
  /** Where to connect, asked at every attempt. The next attempt follows when it rejects, none when there is no such URL. */
  readonly target: () => Promise<Target>;
  /** What dials. */
  readonly transport: Transport;
  /** The waits between attempts; `undefined` for only one attempt. */
  readonly backoff: BackoffOptions | undefined;
  /** Checks the server's hello; a flaw ends the link for good. */
  accept(hello: Hello): string | undefined;
  /** The server said hello. */
  opened(hello: Hello): void;
  /** A frame came. */
  frame(fields: Fields): void;
  /** The link broke or ended: what was sent is lost. */
  down(status: ClientStatus): void;
  /** The state changed. */
  status(status: ClientStatus): void;
  /** Something failed that has no caller. */
  error(error: unknown): void;
}

/** How long to wait for hello, and for an answer to a ping, in milliseconds. */
const PATIENCE_MS = 10_000;
/** How long a link must hold until the back-off starts anew: a server that accepts and closes is no good server. */
const STABLE_MS = 10_000;

/** Keeps one WebSocket to a server. */
export class Link {
  readonly #options: LinkOptions;
  #status: ClientStatus = { state: "idle", willRetry: true };
  #socket: WebSocketLike | undefined;
  #failures = 0;
  #openedAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Dials, unless it does so already: also called when a browser is on a network again. */
  readonly connect = (): void => {
    const { state, retryInMs: _, transport: __, ...last } = this.#status;
    if (state !== "waiting" && state !== "idle") return;
    globalThis.addEventListener?.("online", this.connect); // the same one again is not added
    clearTimeout(this.#timer);
    this.#turnTo({ ...last, state: "connecting" });
    this.#dial().catch((error) => {
      this.#options.error(error);
      this.#lost(ABNORMAL, String(error));
    });
  };

  /** Sends one message; the link is open. */
  send(data: Data): void {
    try {
      this.#socket?.send(data as Uint8Array<ArrayBuffer>); // our own blocks are never on shared memory
    } catch (error) {
      this.#options.error(error);
    }
  }

  /** Leaves this connection for a new one. */
  restart(): void {
    this.#drop(NORMAL, "", "now");
  }

  /** Ends for good. */
  close(code: number = NORMAL, reason = ""): void {
    this.#drop(code, reason, "never");
  }

  async #dial(): Promise<void> {
    const [given, params, token, role] = await this.#options.target();
    if (this.#status.state !== "connecting") return;
    let url: string;
    try {
      url = addressOf(given, { ...params, role });
    } catch (error) { // the next attempt would fail alike
      this.#options.error(error);
      return this.close(BAD_PROTOCOL, (error as TypeError).message);
    }
    const socket = this.#options.transport.dial(
      url,
      token === undefined ? [PROTOCOL] : [PROTOCOL, tokenProtocol(token)],
    );
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    const mine = () => this.#socket === socket;
    this.#timer = setTimeout(() => {
      if (!mine()) return;
      if (opened) this.close(BAD_PROTOCOL, "no hi came within 10 s");
      else this.#drop(ABNORMAL, "no answer came within 10 s");
    }, PATIENCE_MS);
    socket.onopen = () => opened = true;
    socket.onmessage = ({ data }) => mine() && this.#receive(data);
    socket.onclose = ({ code, reason }) =>
      mine() && this.#lost(code || ABNORMAL, reason); // 0 on Deno
    // Node 20 and 22 fire nothing else for a refused dial. Where `close` follows, it has the code: let it come first.
    socket.onerror = () =>
      setTimeout(() => mine() && this.#lost(ABNORMAL, "the connection failed"));
  }

  #receive(data: unknown): void {
    if (this.#timer && this.#status.state === "open") this.#disarm(); // before hi nothing else counts as a sign of life
    if (data === PONG) return;
    for (
      const frame of read(
        typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer),
      )
    ) { // binaryType says so
      const { state } = this.#status; // what one frame does may end the link before the next
      if (!frame.ok) this.#options.error(new TypeError(frame.flaw));
      else if (state === "open") this.#options.frame(frame.fields);
      else if (state === "connecting" && frame.fields[0] === "hi") {
        this.#greet(frame.fields[1] as Hello); // accept checks it
      }
    }
  }

  #greet(hello: Hello): void {
    const flaw = hello?.v === 1
      ? this.#options.accept(hello)
      : "the server speaks another version";
    if (flaw) return this.close(BAD_PROTOCOL, flaw);
    this.#disarm();
    this.#openedAt = Date.now();
    const patienceMs = Math.min(PATIENCE_MS, hello.heartbeatMs);
    this.#heartbeat = setInterval(() => {
      if (!this.#timer) this.#expectSign(patienceMs);
      this.send(PING);
    }, hello.heartbeatMs);
    const { transport } = this.#options;
    this.#turnTo({
      state: "open",
      willRetry: true,
      transport: this.#socket?.transport ?? transport.name,
    });
    if (this.#status.state === "open") this.#options.opened(hello); // a listener may have closed it
  }

  #expectSign(patienceMs: number): void {
    const dueAt = Date.now() + patienceMs;
    this.#timer = setTimeout(() => {
      // Much too late, this process was suspended: what came meanwhile is read after this.
      if (Date.now() > dueAt + 1_000) this.#expectSign(patienceMs);
      else this.#drop(HEARTBEAT_LOST, "the server is silent");
    }, patienceMs);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Closes the socket and goes on as if the server had. */
  #drop(code: number, reason: string, comeback?: "now" | "never"): void {
    const socket = this.#socket;
    this.#lost(code, reason, comeback);
    try {
      // A browser lets a page send 1000 and 3000 to 4999 only.
      socket?.close(
        code === ABNORMAL ? NORMAL : code,
        reason.slice(0, 41), // at most 123 bytes of UTF-8, or close() throws
      );
    } catch (error) {
      this.#options.error(error);
    }
  }

  #lost(
    code: number,
    reason: string,
    comeback: ReturnType<typeof comebackAfter> = comebackAfter(code),
  ): void {
    if (this.#status.state === "closed") return;
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#socket = undefined;
    if (Date.now() - this.#openedAt > STABLE_MS) this.#failures = 0;
    this.#openedAt = Infinity;
    const { backoff } = this.#options;
    let status: ClientStatus = {
      state: "closed",
      code,
      reason,
      willRetry: false,
    };
    if (backoff && comeback !== "never") {
      const retryInMs = comeback === "late"
        ? backoff.maxMs * (1 + Math.random()) / 2
        : comeback === "now" && this.#failures === 0
        ? 0
        : backoffDelay(this.#failures, backoff);
      this.#failures++;
      status = { ...status, state: "waiting", willRetry: true, retryInMs };
      this.#timer = setTimeout(this.connect, retryInMs);
    } else globalThis.removeEventListener?.("online", this.connect);
    this.#turnTo(status);
    this.#options.down(status);
  }

  #turnTo(status: ClientStatus): void {
    this.#status = status;
    this.#options.status(status);
  }
}
