/**
 * WebSocket messages as numbered events of a `text/event-stream`: what the HTTP transport sends in both directions.
 *
 * Event streams are text that every proxy and every compressing middleware knows to pass on (measured with nginx, Caddy
 * and Hono's `compress`), which is why the transport has no format of its own.
 *
 * @module
 */
import { type Data, fromBase64, toBase64 } from "./bytes.ts";

/** The one request header of the transport. Its value is a verb and that verb's arguments, separated by spaces. */
export const HTTP_HEADER = "superline";

/** The largest request body that a client sends, in bytes, except for a single larger message: nginx refuses more than 1 MiB. */
export const MAX_BODY_BYTES = 1_000_000;

/** One event, as it was read. */
export type StreamEvent =
  | { readonly kind: "message"; readonly n: number; readonly data: Data }
  | {
    readonly kind: "open" | "close";
    readonly n: number;
    readonly data: unknown;
  };

/** Keeps a response alive and tells a client that it streams. */
export const COMMENT = ":\n\n";

/**
 * Encodes a message.
 *
 * @param n Its number: 1 for the first of a session and direction, then one more for each
 */
export function messageEvent(n: number, data: Data): string {
  return typeof data === "string"
    ? `id: ${n}\ndata: ${data.replaceAll("\n", "\ndata: ")}\n\n`
    : `id: ${n}\nevent: bytes\ndata: ${toBase64(data)}\n\n`;
}

/** Encodes the start of a session, or the end of one with its close code and reason. */
export function controlEvent(
  n: number,
  kind: "open" | "close",
  data: unknown,
): string {
  return `id: ${n}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Makes a reader that takes a stream's text in pieces of any length and returns the events that are complete.
 *
 * It never throws: an event that cannot be read is left out, and its number is missed by whoever counts.
 */
export function createEventReader(): (text: string) => StreamEvent[] {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => readEvent(block) ?? []);
  };
}

function readEvent(block: string): StreamEvent | undefined {
  let n = NaN;
  let kind = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("data: ")) data.push(line.slice(6));
    else if (line.startsWith("id: ")) n = Number(line.slice(4));
    else if (line.startsWith("event: ")) kind = line.slice(7);
  }
  if (!Number.isSafeInteger(n) || n < 0) return undefined; // a comment has no number
  const text = data.join("\n");
  if (kind === "message") return { kind, n, data: text };
  if (kind === "bytes") {
    const bytes = fromBase64(text);
    return bytes && { kind: "message", n, data: bytes };
  }
  if (kind !== "open" && kind !== "close") return undefined;
  try {
    return { kind, n, data: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
