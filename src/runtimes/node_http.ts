/**
 * Requests and answers of Node's `http` as the web has them, for the HTTP transport.
 *
 * @module
 */
import type { HandshakeExtras } from "../server/handshake/handshake.ts";
import type { HttpTransport } from "./http.ts";
import { type IncomingLike, requestOf, urlOf } from "./node.ts";

/** What is used of Node's `http.IncomingMessage` with a body. */
export interface IncomingRequestLike extends IncomingLike {
  /** The method, such as `POST`. */
  readonly method?: string | undefined;
  /** The connection. */
  readonly socket: {
    readonly remoteAddress?: string | undefined;
    readonly encrypted?: boolean | undefined;
  };
  /** The body. */
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

/** What is used of Node's `http.ServerResponse`. */
export interface OutgoingResponseLike {
  /** Sends the head. */
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** Sends a part of the body; `false` when it waits. */
  write(chunk: Uint8Array): boolean;
  /** Ends the body. */
  end(): unknown;
  /** Listens. */
  on(event: "close" | "drain", listener: () => void): unknown;
}

/**
 * Answers a request of the HTTP transport.
 *
 * @returns `false` when the request is not one: then nothing was read or written
 */
export function answerHttp(
  http: HttpTransport,
  incoming: IncomingRequestLike,
  outgoing: OutgoingResponseLike,
): boolean {
  const url = urlOf(incoming, incoming.socket.encrypted);
  const request = url &&
    requestOf(url, incoming, undefined, bodyOf(incoming)).request;
  const { remoteAddress } = incoming.socket;
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const extras: HandshakeExtras = {
    signal: gone.signal,
    ...(remoteAddress !== undefined && { remoteAddress }),
  };
  const answer = request && http.take(request, extras);
  if (!answer) return false;
  answer.then((response) => write(response, outgoing));
  return true;
}

/** A body that is read when somebody wants it; `undefined` for a method that has none. */
function bodyOf(
  incoming: IncomingRequestLike,
): { method: string; body?: ReadableStream<Uint8Array<ArrayBuffer>> } {
  const { method = "GET" } = incoming;
  if (method !== "POST") return { method };
  let parts: AsyncIterator<unknown> | undefined;
  return {
    method,
    body: new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        parts ??= incoming[Symbol.asyncIterator]();
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>); // Node's own buffers
      },
    }, { highWaterMark: 0 }),
  };
}

async function write(
  { status, headers, body }: Response,
  outgoing: OutgoingResponseLike,
): Promise<void> {
  outgoing.writeHead(status, Object.fromEntries(headers));
  const reader = body?.getReader();
  let wake = (): void => {};
  let gone = false;
  outgoing.on("drain", () => wake());
  outgoing.on("close", () => {
    gone = true;
    wake();
    reader?.cancel().catch(() => {}); // it may be over already
  });
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done || gone) break;
    if (outgoing.write(part.value)) continue;
    await new Promise<void>((resolve) => wake = resolve);
  }
  outgoing.end();
}
