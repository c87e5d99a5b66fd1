/**
 * One client's connection: connects, detects a lost connection, reconnects.
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

/** The members used of a standard `WebSocket`. */
export interface WebSocketLike {
  /** The name of the transport, if it is not the one that was tried first. */
  readonly transport?: string;
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** The subprotocol is agreed, and messages may be sent. */
  onopen: ((event: never) => void) | null;
  /** A message arrived. */
  onmessage: ((event: { data: unknown }) => void) | null;
  /** The connection failed. Some implementations fire no other event. */
  onerror: ((event: never) => void) | null;
  /** The connection is closed. */
  onclose: ((event: { code: number; reason: string }) => void) | null;
  /** Sends one message. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The constructor of a {@linkcode WebSocketLike}: the global `WebSocket`, or that of `ws` on Node 20. */
export type WebSocketConstructor = new (
  url: string,
  protocols: string[],
) => WebSocketLike;

/**
 * The state of a client.
 *
 * - `idle`: a `lazy` client that was not used yet
 * - `connecting`: an attempt is in progress
 * - `open`: the server has sent `hi`
 * - `waiting`: until the next attempt
 * - `closed`: permanently
 */
export type ClientState = "idle" | "connecting" | "open" | "waiting" | "closed";

/** The state of a client, and its cause. */
export interface ClientStatus {
  /** The state. */
  readonly state: ClientState;
  /** The code of the last close; 1006 if the connection broke. */
  readonly code?: number;
  /** The reason of the last close. */
  readonly reason?: string;
  /** Whether the client will reconnect by itself. */
  readonly willRetry: boolean;
  /** While `waiting`: how long, in milliseconds from this status on. */
  readonly retryInMs?: number;
  /** While `open`: the name of the transport. */
  readonly transport?: string;
}

/** What a link needs. */
export interface LinkOptions {
  /**
   * Returns where to connect, called at every attempt. If it rejects, another attempt follows; if there is no such URL,
   * none.
   */
  readonly target: () => Promise<Target>;
  /** Creates the socket. */
  readonly transport: Transport;
  /** The waits between attempts; `undefined` for a single attempt. */
  readonly backoff: BackoffOptions | undefined;
  /** Checks the server's `hi`; a flaw closes the link permanently. */
  accept(hello: Hello): string | undefined;
  /** The server sent `hi`. */
  opened(hello: Hello): void;
  /** A frame arrived. */
  frame(fields: Fields): void;
  /** The connection was lost or closed: unanswered frames are lost. */
  down(status: ClientStatus): void;
  /** The state changed. */
  status(status: ClientStatus): void;
  /** An error without a caller. */
  error(error: unknown): void;
}

/** How long to wait for `hi`, and for the answer to a ping, in milliseconds. */
const PATIENCE_MS = 10_000;
/**
 * After how long a connection resets the back-off, in milliseconds: a server that accepts and closes must not cause a
 * hot loop.
 */
const STABLE_MS = 10_000;

/** Keeps one connection to a server. */
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

  /** Connects, unless an attempt is in progress. Also called when a browser is online again. */
  readonly connect = (): void => {
    const { state, retryInMs: _, transport: __, ...last } = this.#status;
    if (state !== "waiting" && state !== "idle") return;
    globalThis.addEventListener?.("online", this.connect); // adding the same listener again has no effect
    clearTimeout(this.#timer);
    this.#turnTo({ ...last, state: "connecting" });
    this.#dial().catch((error) => {
      this.#options.error(error);
      this.#lost(ABNORMAL, String(error));
    });
  };

  /** Sends one message. The link must be open. */
  send(data: Data): void {
    try {
      this.#socket?.send(data as Uint8Array<ArrayBuffer>); // these bytes are never on shared memory
    } catch (error) {
      this.#options.error(error);
    }
  }

  /** Leaves this connection for a new one. */
  restart(): void {
    this.#drop(NORMAL, "", "now");
  }

  /** Closes permanently. */
  close(code: number = NORMAL, reason = ""): void {
    this.#drop(code, reason, "never");
  }

  async #dial(): Promise<void> {
    const [given, params, token, role] = await this.#options.target();
    if (this.#status.state !== "connecting") return;
    let url: string;
    try {
      url = addressOf(given, { ...params, role });
    } catch (error) { // the next attempt would fail in the same way
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
    // Node 20 and 22 fire no other event when a connection is refused. If `close` follows, it has the code, so wait for
    // it.
    socket.onerror = () =>
      setTimeout(() => mine() && this.#lost(ABNORMAL, "the connection failed"));
  }

  #receive(data: unknown): void {
    if (this.#timer && this.#status.state === "open") this.#disarm(); // before `hi` nothing else proves that the server is alive
    if (data === PONG) return;
    for (
      const frame of read(
        typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer),
      )
    ) { // because of `binaryType`
      const { state } = this.#status; // handling one frame may close the link before the next
      if (!frame.ok) this.#options.error(new TypeError(frame.flaw));
      else if (state === "open") this.#options.frame(frame.fields);
      else if (state === "connecting" && frame.fields[0] === "hi") {
        this.#greet(frame.fields[1] as Hello); // `accept` checks it
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
      // Far too late means that this process was suspended: messages that arrived meanwhile are read after this.
      if (Date.now() > dueAt + 1_000) this.#expectSign(patienceMs);
      else this.#drop(HEARTBEAT_LOST, "the server is silent");
    }, patienceMs);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Closes the socket, and continues as if the server had closed it. */
  #drop(code: number, reason: string, comeback?: "now" | "never"): void {
    const socket = this.#socket;
    this.#lost(code, reason, comeback);
    try {
      // A page may send only 1000 and 3000 to 4999.
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
