/**
 * Connections of clients that cannot open a WebSocket: streamed or polled responses down, POST requests up.
 *
 * A session is a {@linkcode Socket} of its own, so that the core does not know of it. Both directions are numbered: the
 * session keeps what its client has not confirmed and sends it again with the next response, and a repeated request is
 * confirmed and not handled again.
 *
 * @module
 */
import type {
  Handshake,
  HandshakeExtras,
} from "../server/handshake/handshake.ts";
import { type Data, utf8 } from "../wire/bytes.ts";
import { CloseCode } from "../wire/close_codes.ts";
import {
  COMMENT,
  controlEvent,
  createEventReader,
  HTTP_HEADER,
  MAX_BODY_BYTES,
  messageEvent,
  type StreamEvent,
} from "../wire/event_stream.ts";

import type { Socket, SocketEvents } from "../seams/socket.ts";

/** What the transport needs of its node. */
export interface HttpHost {
  /** The node's id, which each session's id starts with. */
  readonly nodeId: string;
  /** The largest message that a client may send, in bytes. */
  readonly maxMessageBytes: number;
  /** After how many bytes a client confirms: a fraction of what may wait for it. */
  readonly confirmBytes: number;
  /** Decides about a new session, as about a WebSocket. */
  handshake(request: Request, extras: HandshakeExtras): Promise<Handshake>;
  /** Tells whether a page of the request's `Origin` may read the answer. */
  allowsOrigin(request: Request): boolean;
  /**
   * Passes a request on to the node that has its session.
   *
   * @returns The node's answer; `undefined` when there is no such node
   */
  forward(
    nodeId: string,
    request: ForwardedRequest,
  ): Promise<ForwardedAnswer | undefined>;
  /** Sets what answers requests that other nodes pass on. */
  onForwarded(
    take: (request: ForwardedRequest) => Promise<ForwardedAnswer>,
  ): void;
}

/** A request to a session of another node: a read is answered as a poll. */
export interface ForwardedRequest {
  /** The value of the transport's header. */
  readonly header: string;
  /** The request's body; empty for a read. */
  readonly body: string;
}

/** How the other node answers. */
export interface ForwardedAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly body: string;
}

/** The HTTP side of a node. */
export interface HttpTransport {
  /**
   * Answers a request of the transport.
   *
   * @returns `undefined` when the request is not one
   */
  take(
    request: Request,
    extras: HandshakeExtras,
  ): Promise<Response> | undefined;
  /** How many sessions there are, closing ones included. */
  readonly size: number;
}

/** How often a response without data gets a comment, in milliseconds: Bun cuts after 10 s without bytes (1.4). */
const COMMENT_MS = 8_000;
/** After how many comments a poll without data ends. */
const POLL_COMMENTS = 3;
/** How long a new session waits for its client, and an ended one until its client has read why, in milliseconds. */
const LINGER_MS = 10_000;
/** How long the body of a POST may take to arrive, in milliseconds. */
const BODY_MS = 10_000;
/** The body of a POST is at most this many times as large as what it carries: base64, and the lines of events. */
const ENCODED = 1.4;

const decoder = new TextDecoder();

/** Tells whether a request is of the HTTP transport: it has the header, or asks whether it may send it. */
export function isHttpTransport({ method, headers }: Request): boolean {
  return headers.has(HTTP_HEADER) ||
    method === "OPTIONS" &&
      (headers.get("access-control-request-headers") ?? "")
        .toLowerCase().split(",").some((name) => name.trim() === HTTP_HEADER);
}

/** Makes the HTTP side of a node. */
export function createHttpTransport(host: HttpHost): HttpTransport {
  const sessions = new Map<string, Session>();
  let ticking: ReturnType<typeof setInterval> | undefined;

  /** One timer for all responses that are open; it stops with the last of them. */
  const tick = () => {
    let open = 0;
    for (const session of sessions.values()) if (session.tick()) open++;
    if (open > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };

  async function open(
    request: Request,
    offered: string,
    extras: HandshakeExtras,
  ): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.delete(HTTP_HEADER); // so that no hook logs a token
    headers.set("upgrade", "websocket");
    headers.set("sec-websocket-protocol", offered);
    const handshake = await host.handshake(
      new Request(request.url, { headers }),
      extras,
    );
    if (handshake.kind === "respond") return handshake.response;
    const id = `${host.nodeId}.${crypto.randomUUID()}`;
    const session = new Session(id, (linger) => {
      if (linger) unrefed(setTimeout(() => sessions.delete(id), LINGER_MS));
      else sessions.delete(id);
    });
    sessions.set(id, session);
    session.events = handshake.open(session);
    unrefed(setTimeout(() => session.abandonUnlessUsed(), LINGER_MS));
    await Promise.resolve(); // what this turn sends leaves with the answer
    await Promise.resolve();
    return respond(
      200,
      controlEvent(0, "open", [
        id,
        session.secret,
        handshake.protocol,
        host.confirmBytes,
      ]) +
        session.take(),
    );
  }

  /** A session that the request proves to know; else how it is refused. */
  function find(id: string, secret: string): Session | ForwardedAnswer {
    const session = sessions.get(id);
    if (!session) return GONE;
    if (!isSame(session.secret, secret)) {
      return { status: 403, body: "Cannot use this session: wrong secret\n" };
    }
    session.used = true;
    session.events?.alive();
    return session;
  }

  function send(
    session: Session,
    ack: string,
    number: string,
    body: string,
  ): ForwardedAnswer {
    const flaw = session.confirm(Number(ack)) ??
      session.receive(Number(number), createEventReader()(body));
    return flaw ?? { status: 204, body: "" };
  }

  function read(session: Session, ack: string, poll: boolean): Response {
    const flaw = session.confirm(Number(ack));
    if (flaw) return respond(flaw.status, flaw.body);
    ticking ??= unrefed(setInterval(tick, COMMENT_MS));
    return respond(200, session.attach(poll));
  }

  async function answer(
    request: Request,
    extras: HandshakeExtras,
  ): Promise<Response> {
    const header = request.headers.get(HTTP_HEADER) ?? "";
    const [verb = "", id = "", secret = "", ack = "", number = ""] = header
      .split(" ");
    const { method } = request;
    if (verb === "open" && method === "POST") {
      return await open(request, header.slice(verb.length + 1), extras);
    }
    const isRead = (verb === "read" || verb === "poll") && method === "GET";
    if (!isRead && !(verb === "send" && method === "POST")) {
      return respond(
        400,
        `Cannot use the HTTP transport: ${method} with this "${HTTP_HEADER}" header is not part of it\n`,
      );
    }
    const owner = id.slice(0, id.lastIndexOf("."));
    if (owner === host.nodeId || !host.forward) {
      // Before the body is read: without a session nobody makes the node wait for one.
      const session = find(id, secret);
      if (!(session instanceof Session)) {
        const response = respond(session.status, session.body);
        return isRead ? response : unread(response);
      }
    }
    const body = isRead
      ? ""
      : await inTime(bodyOf(request, host.maxMessageBytes));
    if (typeof body !== "string") return unread(body);
    if (owner !== host.nodeId) return await forward(owner, { header, body });
    const session = find(id, secret);
    if (!(session instanceof Session)) {
      return respond(session.status, session.body);
    }
    if (isRead) return read(session, ack, verb === "poll");
    const sent = send(session, ack, number, body);
    return respond(sent.status, sent.body);
  }

  /** Passes a request on to its session's node. One that cannot be reached now is tried again by the client. */
  async function forward(
    owner: string,
    request: ForwardedRequest,
  ): Promise<Response> {
    try {
      const answer = await host.forward(owner, request);
      return answer ? respond(answer.status, answer.body) : gone();
    } catch {
      return respond(503, "The node of this session cannot be reached now\n");
    }
  }

  host.onForwarded(async ({ header, body }) => {
    const [verb, id = "", secret = "", ack = "", number = ""] = header.split(
      " ",
    );
    const session = find(id, secret);
    if (!(session instanceof Session)) return session;
    if (verb === "send") return send(session, ack, number, body);
    const flaw = session.confirm(Number(ack));
    if (flaw) return flaw;
    ticking ??= unrefed(setInterval(tick, COMMENT_MS));
    return { status: 200, body: await textOf(session.attach(true)) };
  });

  return {
    take(request, extras) {
      if (!isHttpTransport(request)) return undefined;
      const shared = request.headers.has("origin") && host.allowsOrigin(request)
        ? request.headers.get("origin")
        : null;
      if (request.method === "OPTIONS") {
        return Promise.resolve(preflight(shared));
      }
      return answer(request, extras).then((response) =>
        withOrigin(response, shared)
      );
    },
    get size() {
      return sessions.size;
    },
  };
}

/** One client's connection. */
class Session implements Socket {
  readonly id: string;
  readonly secret: string = secretText();
  events: SocketEvents | undefined;
  /** Whether its client has used it since it was opened. */
  used = false;
  readonly #ended: (linger: boolean) => void;
  /** What the client has not confirmed, in order. */
  readonly #unconfirmed: {
    readonly n: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
  }[] = [];
  #waiting = 0;
  #sent = 0;
  /** The number of the last POST that was handled. */
  #received = 0;
  #reader: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #polled = false;
  #comments = 0;
  #over = false;

  constructor(id: string, ended: (linger: boolean) => void) {
    this.id = id;
    this.#ended = ended;
  }

  send(data: Data): void {
    if (!this.#over) this.#push(messageEvent(++this.#sent, data));
  }

  close(code: number, reason: string): void {
    if (this.#over) return;
    this.#push(controlEvent(++this.#sent, "close", [code, reason]));
    this.#end(true);
  }

  /** The bytes that the client has not confirmed: a client confirms at least every 64 KiB. */
  buffered(): number {
    return this.#waiting;
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  /** All that waits, for the body of the first answer. */
  take(): string {
    return this.#unconfirmed.map(({ bytes }) => decoder.decode(bytes)).join("");
  }

  /** Forgets what the client has. */
  confirm(ack: number): ForwardedAnswer | undefined {
    if (!Number.isSafeInteger(ack) || ack < 0 || ack > this.#sent) {
      return this.#break("it confirms what was never sent");
    }
    const first = this.#unconfirmed[0];
    if (!first || first.n > ack) return undefined;
    const confirmed = this.#unconfirmed.splice(0, ack - first.n + 1);
    for (const { bytes } of confirmed) this.#waiting -= bytes.length;
    this.events?.drained();
    return undefined;
  }

  /** Handles one POST, once. */
  receive(
    number: number,
    events: readonly StreamEvent[],
  ): ForwardedAnswer | undefined {
    if (number >= 1 && number <= this.#received) return undefined; // its answer was lost
    if (number !== this.#received + 1) {
      return this.#break("its number does not follow the last one");
    }
    this.#received = number;
    for (const event of events) {
      if (this.#over) break;
      if (event.kind === "message") this.events?.message(event.data);
      else if (event.kind === "close") {
        const [code, reason] = Array.isArray(event.data) ? event.data : [];
        this.events?.closed(
          typeof code === "number" ? code : CloseCode.abnormal,
          String(reason ?? ""),
        );
        this.#end(false);
      }
    }
    return undefined;
  }

  /** Makes the body of a response: what is unconfirmed, then what comes. It takes the place of an earlier one. */
  attach(poll: boolean): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#detach();
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#reader = controller;
        this.#polled = poll;
        this.#comments = 0;
        // Bun sends no complete head before the first chunk (1.4).
        controller.enqueue(utf8(COMMENT) as Uint8Array<ArrayBuffer>);
        for (const { bytes } of this.#unconfirmed) controller.enqueue(bytes);
        if (this.#over || (poll && this.#unconfirmed.length > 0)) {
          this.#detach();
        }
      },
      cancel: () => {
        this.#reader = undefined; // a later one has detached it already
      },
    });
  }

  /** Ends a session whose client went while it was opened. */
  abandonUnlessUsed(): void {
    if (this.used || this.#over) return;
    this.events?.closed(CloseCode.abnormal, "");
    this.#end(false);
  }

  /** Keeps the response open, or ends a poll that nothing came for. Tells whether there is one. */
  tick(): boolean {
    if (!this.#reader) return false;
    if (this.#polled && ++this.#comments >= POLL_COMMENTS) this.#detach();
    else this.#reader.enqueue(utf8(COMMENT) as Uint8Array<ArrayBuffer>);
    return this.#reader !== undefined;
  }

  #push(event: string): void {
    const bytes = utf8(event) as Uint8Array<ArrayBuffer>; // TextEncoder makes no shared memory
    this.#unconfirmed.push({ n: this.#sent, bytes });
    this.#waiting += bytes.length;
    this.#reader?.enqueue(bytes);
    if (this.#reader && this.#polled) this.#endOfPoll();
  }

  /** A poll takes along what the same turn sends. */
  #endOfPoll(): void {
    const reader = this.#reader;
    queueMicrotask(() => {
      if (this.#reader === reader) this.#detach();
    });
  }

  #detach(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.close();
  }

  #break(why: string): ForwardedAnswer {
    if (!this.#over) this.events?.closed(CloseCode.badProtocol, why);
    this.#end(false);
    return {
      status: 409,
      body: controlEvent(0, "close", [CloseCode.badProtocol, why]),
    };
  }

  #end(linger: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#detach();
    this.#ended(linger);
  }
}

const GONE: ForwardedAnswer = {
  status: 410,
  body: controlEvent(0, "close", [
    CloseCode.restart,
    "the server does not know this session any more",
  ]),
};

function gone(): Response {
  return respond(GONE.status, GONE.body);
}

function respond(
  status: number,
  body: string | ReadableStream<Uint8Array<ArrayBuffer>>,
): Response {
  return new Response(status === 204 ? null : body, {
    status,
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no", // an nginx without configuration holds the whole response otherwise
      "x-content-type-options": "nosniff",
    },
  });
}

function preflight(origin: string | null): Response {
  if (origin === null) {
    return respond(403, "This origin may not use the server\n");
  }
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": HTTP_HEADER,
      "access-control-allow-methods": "GET, POST",
      "access-control-max-age": "7200",
      vary: "origin",
    },
  });
}

function withOrigin(response: Response, origin: string | null): Response {
  if (origin !== null) {
    response.headers.set("access-control-allow-origin", origin);
    response.headers.set("access-control-allow-credentials", "true");
    response.headers.set("vary", "origin");
  }
  return response;
}

/** Reads a request's body up to the limit; a response when it is larger or cannot be read. */
async function bodyOf(
  request: Request,
  maxMessageBytes: number,
): Promise<string | Response> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    return respond(
      415,
      `Cannot read a body: its content-encoding is "${encoding}", must be identity\n`,
    );
  }
  const max = Math.max(MAX_BODY_BYTES, maxMessageBytes) * ENCODED;
  const tooLarge = () =>
    respond(
      413,
      controlEvent(0, "close", [
        CloseCode.tooBig,
        `a message is larger than maxMessageBytes ${maxMessageBytes}`,
      ]),
    );
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > max) return tooLarge();
  const text = new TextDecoder();
  let body = "";
  let bytes = 0;
  try {
    // The runtime reads no more than it was told, and as a whole that costs half.
    if (Number(length) > 0) return await request.text();
    for await (const part of request.body ?? []) {
      bytes += part.length;
      if (bytes > max) return tooLarge();
      body += text.decode(part, { stream: true });
    }
  } catch {
    return respond(400, "Cannot read the body: it was cut off\n");
  }
  return body + text.decode();
}

/** Answers a request whose body was not read whole: Node keeps the connection until the rest has come, or for minutes. */
function unread(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

/** Gives up a body that takes longer than `BODY_MS`: Node waits for five minutes and Deno forever. */
async function inTime(
  body: Promise<string | Response>,
): Promise<string | Response> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Response>((resolve) => {
    timer = setTimeout(() => {
      const message =
        `Cannot read the body: it took longer than ${BODY_MS} ms\n`;
      resolve(respond(408, message));
    }, BODY_MS);
  });
  try {
    return await Promise.race([body, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>)
    .text();
}

/** 128 random bits as hexadecimal text. */
function secretText(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Compares in a time that does not depend on where two texts differ. */
function isSame(known: string, given: string): boolean {
  let difference = known.length ^ given.length;
  for (let at = 0; at < known.length; at++) {
    difference |= known.charCodeAt(at) ^ given.charCodeAt(at);
  }
  return difference === 0;
}

/** Lets the process end while the timer runs, where there is a process. */
function unrefed<T>(timer: T): T {
  (timer as { unref?(): void }).unref?.();
  return timer;
}
