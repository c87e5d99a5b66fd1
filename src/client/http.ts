/**
 * A transport over plain HTTP requests, for networks that block WebSockets.
 *
 * @example Use HTTP where a WebSocket cannot be opened
 * ```ts ignore
 * import { createClient, webSocket } from "@super-line/edge/client";
 * import { http } from "@super-line/edge/client/http";
 * import { api } from "./api.ts";
 *
 * const client = createClient(api, {
 *   url: "https://chat.example/realtime",
 *   role: "user",
 *   transport: [webSocket(), http()],
 * });
 * client.onStatus(({ state, transport }) => console.log(state, transport));
 * ```
 *
 * @module
 */
import { ABNORMAL } from "../wire/close_codes.ts";
import {
  COMMENT,
  controlEvent,
  createEventReader,
  HTTP_HEADER,
  MAX_BODY_BYTES,
  messageEvent,
  type StreamEvent,
} from "../wire/event_stream.ts";
import type { WebSocketLike } from "./link.ts";
import type { Transport } from "./transport.ts";

export type { Transport } from "./transport.ts";

/** What {@linkcode http} takes. */
export interface HttpTransportOptions {
  /**
   * How long a WebSocket may stay silent before HTTP is tried beside it, in milliseconds.
   *
   * @default {1_000}
   */
  readonly afterMs?: number;
  /**
   * How long the client uses HTTP at once after it was the one that worked, in milliseconds. Then it tries a WebSocket
   * again, at the next connection. A connection that is open is never changed.
   *
   * @default {3_600_000}
   */
  readonly rememberMs?: number;
  /** Where later visits find that; the browser's `localStorage` when left out. Elsewhere only this transport remembers. */
  readonly storage?: Pick<Storage, "getItem" | "setItem">;
  /**
   * Whether responses end with each batch of messages instead of streaming. Left out, the client finds out: a response
   * without a first byte after 2 s is one that a proxy holds back.
   *
   * @default {false}
   */
  readonly longPolling?: boolean;
  /** What sends requests; the global `fetch` when left out. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** How long a streamed response may take to its first byte, in milliseconds. */
const FIRST_BYTE_MS = 2_000;
/** The bound of the wait before a request is repeated, in milliseconds. */
const RETRY_MS = 500;
/** How long a session that is closed while it opens may still open, so that the server is told, in milliseconds. */
const CLOSING_MS = 500;
/** Where the choice is remembered. */
const KEY = "super-line:http";

/**
 * Makes the HTTP transport. Behind `webSocket()` in a client's `transport` it is used when a WebSocket fails or stays
 * silent; alone it is always used.
 *
 * @param options How long to wait for a WebSocket, and what to remember
 */
export function http(options: HttpTransportOptions = {}): Transport {
  const { afterMs = 1_000, rememberMs = 3_600_000 } = options;
  let polls = options.longPolling ?? false;
  let until = 0;
  let key = KEY;
  /** A page without storage throws at the access itself, one whose storage is full at the write. */
  const store = <T>(use: (storage: typeof options.storage) => T) => {
    try {
      return use(options.storage ?? globalThis.localStorage);
    } catch {
      return undefined;
    }
  };
  const remember = () =>
    store((it) => it?.setItem(key, `${until}${polls ? " poll" : ""}`));
  const transport: Transport = {
    name: "http",
    dial: (url, protocols) =>
      new HttpSocket(url, protocols, options, polls, () => {
        polls = true;
        if (until > 0) remember();
      }),
    behind: (first) => ({
      name: first.name,
      dial: (url, protocols) => {
        key = `${KEY}:${new URL(url).host}`;
        const [time, how] = store((it) => it?.getItem(key))?.split(" ") ?? [];
        until = Number(time ?? until);
        polls ||= how === "poll";
        if (until > Date.now()) return transport.dial(url, protocols);
        return new Race(url, protocols, first, transport, afterMs, (winner) => {
          until = winner === transport ? Date.now() + rememberMs : 0;
          remember();
        });
      },
    }),
  };
  return transport;
}

/** Two dials, of which the first that brings a message is kept. */
class Race implements WebSocketLike {
  binaryType = "";
  transport = "";
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly #start: (transport: Transport) => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #runners = new Set<WebSocketLike>();
  #winner: WebSocketLike | undefined;
  /** What is tried next. */
  #next: Transport | undefined;

  constructor(
    url: string,
    protocols: string[],
    first: Transport,
    second: Transport,
    afterMs: number,
    won: (winner: Transport) => void,
  ) {
    this.#next = second;
    this.#start = (transport) => {
      const runner = transport.dial(url, protocols);
      this.#runners.add(runner);
      runner.binaryType = "arraybuffer";
      runner.onopen = (event) => this.onopen?.(event);
      runner.onmessage = (event) => {
        if (!this.#runners.has(runner)) return;
        if (!this.#winner) {
          this.#winner = runner;
          this.transport = transport.name;
          this.#next = undefined;
          clearTimeout(this.#timer);
          this.#closeAll(runner);
          won(transport);
        }
        this.onmessage?.(event);
      };
      runner.onclose = (event) => this.#lost(runner, event);
      // Node 20 and 22 fire nothing else for a refused dial. Where a close follows, it has the code: let it come first.
      runner.onerror = () =>
        setTimeout(() =>
          this.#lost(runner, {
            code: ABNORMAL,
            reason: "the connection failed",
          })
        );
    };
    this.#timer = setTimeout(() => this.#second(), afterMs);
    this.#start(first);
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#winner?.send(data);
  }

  close(code?: number, reason?: string): void {
    clearTimeout(this.#timer);
    this.#next = undefined;
    this.#closeAll(undefined, code, reason);
  }

  #second(): void {
    const next = this.#next;
    this.#next = undefined;
    clearTimeout(this.#timer);
    if (next) this.#start(next);
  }

  #lost(
    runner: WebSocketLike,
    event: { code: number; reason: string },
  ): void {
    if (!this.#runners.delete(runner)) return;
    // A refusal of the server's own has a code of the protocol: it would refuse the other transport as well.
    if (!this.#winner && event.code < 4_000) {
      if (this.#next) return this.#second();
      if (this.#runners.size > 0) return;
    }
    this.close();
    this.onclose?.(event);
  }

  #closeAll(but?: WebSocketLike, code?: number, reason?: string): void {
    for (const runner of this.#runners) {
      if (runner === but) continue;
      this.#runners.delete(runner);
      runner.close(code, reason);
    }
  }
}

/** One session over HTTP, as a WebSocket. */
class HttpSocket implements WebSocketLike {
  binaryType = "";
  readonly transport: string = "http";
  /** As of a WebSocket: the subprotocol that the server chose. */
  protocol = "";
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly #url: string;
  readonly #fetch: NonNullable<HttpTransportOptions["fetch"]>;
  readonly #opening = new AbortController();
  readonly #abort = new AbortController();
  #poll: boolean;
  /** Called when a proxy holds responses until they end. */
  readonly #held: () => void;
  #id = "";
  /** The number of the last event that was handled. */
  #handled = 0;
  #unconfirmed = 0;
  /** After how many bytes the client confirms, as the server says: it holds messages back while too many are not. */
  #confirmBytes = 0;
  #posted = 0;
  /** Encoded messages that wait for the POST under way. */
  #waiting: string[] = [];
  #posting = false;
  #over = false;

  constructor(
    url: string,
    protocols: string[],
    options: HttpTransportOptions,
    poll: boolean,
    held: () => void,
  ) {
    this.#url = url.replace(/^ws/, "http");
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#poll = poll;
    this.#held = held;
    this.#open(protocols).catch((error) => this.#end(ABNORMAL, String(error)));
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#queue(messageEvent(0, data));
  }

  close(code = 1_000, reason = ""): void {
    if (this.#over) return;
    this.#waiting.push(controlEvent(0, "close", [code, reason]));
    if (this.#id) void this.#post();
    else setTimeout(() => this.#opening.abort(), CLOSING_MS);
    this.#end(code, reason); // what waits is still sent
  }

  async #open(protocols: string[]): Promise<void> {
    const response = await this.#request(
      "POST",
      `open ${protocols.join(",")}`,
      { signal: this.#opening.signal },
    );
    const text = await response.text();
    if (response.headers.get("content-type") !== "text/event-stream") {
      throw new Error(`The server answered ${response.status}: ${text}`);
    }
    const [first, ...rest] = createEventReader()(text);
    if (first?.kind === "open") {
      const [id, secret, protocol, confirmBytes] = first.data as [
        string,
        string,
        string,
        number,
      ]; // the answer of the server's transport
      this.#id = `${id} ${secret}`;
      this.protocol = protocol;
      this.#confirmBytes = confirmBytes;
      if (this.#over) return await this.#post(); // it was closed meanwhile, and the server has to know
      this.onopen?.(undefined as never);
    }
    this.#take(first?.kind === "open" ? rest : first ? [first] : []);
    if (!this.#over) await this.#read();
  }

  /** Reads responses, one after the other, until the session is over. */
  async #read(): Promise<void> {
    for (let failures = 0; !this.#over;) {
      const own = new AbortController();
      const abort = () => own.abort();
      this.#abort.signal.addEventListener("abort", abort);
      const timer = this.#poll ? undefined : setTimeout(() => {
        this.#poll = true;
        this.#held();
        abort();
      }, FIRST_BYTE_MS);
      try {
        const response = await this.#request(
          "GET",
          `${this.#poll ? "poll" : "read"} ${this.#id} ${this.#handled}`,
          { signal: own.signal },
        );
        await this.#readBody(response, () => {
          clearTimeout(timer);
          failures = 0;
        });
        if (!response.ok) await pause(++failures);
      } catch {
        if (!own.signal.aborted) await pause(++failures);
      } finally {
        clearTimeout(timer);
        this.#abort.signal.removeEventListener("abort", abort);
      }
    }
  }

  async #readBody({ body }: Response, came: () => void): Promise<void> {
    this.#unconfirmed = 0;
    const read = createEventReader();
    const decoder = new TextDecoder();
    const reader = body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      came();
      this.#take(read(decoder.decode(part.value, { stream: true })));
      this.#unconfirmed += part.value.length;
      if (this.#unconfirmed > this.#confirmBytes) this.#queue(COMMENT);
    }
  }

  #take(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (this.#over) return;
      if (event.kind === "close") {
        const [code, reason] = event.data as [number, string];
        return this.#end(code, reason);
      }
      if (event.n !== this.#handled + 1 || event.kind !== "message") continue; // a repeat
      this.#handled = event.n;
      const { data } = event;
      this.onmessage?.({
        data: typeof data === "string" ? data : data.buffer,
      });
    }
  }

  #queue(event: string): void {
    if (this.#over) return;
    this.#waiting.push(event);
    if (this.#id) void this.#post();
  }

  /** Sends what waits, one POST at a time: browsers reorder requests that run beside each other. */
  async #post(): Promise<void> {
    if (this.#posting) return;
    this.#posting = true;
    await undefined; // what this turn sends goes along
    while (this.#waiting.length > 0) {
      let body = this.#waiting.shift() ?? "";
      while (
        this.#waiting.length > 0 && // a unit of text has at most 3 bytes
        body.length + (this.#waiting[0]?.length ?? 0) < MAX_BODY_BYTES / 3
      ) body += this.#waiting.shift();
      const number = ++this.#posted;
      for (let failures = 1; !await this.#sent(number, body); failures++) {
        if (this.#over && failures > 1) return;
        await pause(failures);
      }
    }
    this.#posting = false;
  }

  /** Sends one POST. Tells whether it is done with; else it has to be repeated, and the server counts. */
  async #sent(number: number, body: string): Promise<boolean> {
    try {
      this.#unconfirmed = 0;
      const response = await this.#request(
        "POST",
        `send ${this.#id} ${this.#handled} ${number}`,
        { body, keepalive: this.#over && body.length < 20_000 }, // so that it outlives its page
      );
      if (response.status < 400) return true;
      if (response.status >= 500) return false;
      this.#take(createEventReader()(await response.text())); // the server says why
      this.#end(
        ABNORMAL,
        response.status === 413
          ? "a proxy refused a message as too large (413)"
          : `the server answered ${response.status}`,
      );
      return true;
    } catch {
      return false;
    }
  }

  #request(
    method: string,
    header: string,
    init: RequestInit,
  ): Promise<Response> {
    return this.#fetch(this.#url, {
      ...init,
      method,
      headers: { [HTTP_HEADER]: header },
      cache: "no-store",
    });
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.onclose?.({ code, reason });
  }
}

function pause(failures: number): Promise<void> {
  return new Promise((resolve) =>
    setTimeout(resolve, Math.random() * RETRY_MS * Math.min(8, failures))
  );
}
