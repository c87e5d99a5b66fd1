/**
 * What Redis says, read as it comes.
 *
 * @module
 */
import { concat } from "../../wire/bytes.ts";

/** One reply. The kinds are kept apart, since REST encodes them differently. */
export type Reply =
  | { readonly kind: "status"; readonly text: string }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "integer"; readonly text: string }
  | { readonly kind: "bulk"; readonly bytes: Uint8Array }
  | { readonly kind: "array"; readonly items: readonly Reply[] }
  | { readonly kind: "null" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CR = 13;
const NULL: Reply = { kind: "null" };

/** Reads replies from chunks. What was read once is not read again, and a long text is joined once, when it is whole. */
export class ReplyReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  #needed = 1;
  readonly #open: { items: Reply[]; left: number }[] = [];

  /** Takes a chunk, and gives the replies that are whole with it. */
  read(chunk: Uint8Array): Reply[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return [];
    const buffer = this.#chunks.length === 1 ? chunk : concat(this.#chunks);
    const whole: Reply[] = [];
    let at = 0;
    this.#needed = 1;
    while (at < buffer.length) {
      const end = buffer.indexOf(CR, at);
      if (end < 0 || end + 1 >= buffer.length) {
        this.#needed = buffer.length - at + 1;
        break;
      }
      const line = decoder.decode(buffer.subarray(at + 1, end));
      const next = end + 2;
      switch (String.fromCharCode(buffer[at] ?? 0)) {
        case "+":
          this.#add({ kind: "status", text: line }, whole);
          break;
        case "-":
          this.#add({ kind: "error", text: line }, whole);
          break;
        case ":":
          this.#add({ kind: "integer", text: line }, whole);
          break;
        case "*":
          if (Number(line) > 0) {
            this.#open.push({ items: [], left: Number(line) });
          } else {
            const empty: Reply = { kind: "array", items: [] };
            this.#add(line === "0" ? empty : NULL, whole);
          }
          break;
        case "$": {
          const length = Number(line);
          if (length < 0) {
            this.#add(NULL, whole);
            break;
          }
          if (buffer.length < next + length + 2) {
            this.#needed = next + length + 2 - at;
            break;
          }
          const bytes = buffer.slice(next, next + length);
          this.#add({ kind: "bulk", bytes }, whole);
          at = next + length + 2;
          continue;
        }
        default:
          throw new TypeError(`Cannot read a reply of Redis: ${line}`);
      }
      if (this.#needed > 1) break;
      at = next;
    }
    const rest = buffer.subarray(at);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return whole;
  }

  #add(reply: Reply, whole: Reply[]): void {
    for (let array; (array = this.#open.at(-1));) {
      array.items.push(reply);
      if (--array.left > 0) return;
      this.#open.pop();
      reply = { kind: "array", items: array.items };
    }
    whole.push(reply);
  }
}

/** One command, name first. */
export type Command = readonly (string | Uint8Array)[];

/** Writes commands as Redis reads them. */
export function writeCommands(commands: readonly Command[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const command of commands) {
    parts.push(encoder.encode(`*${command.length}\r\n`));
    for (const arg of command) {
      const bytes = typeof arg === "string" ? encoder.encode(arg) : arg;
      parts.push(
        encoder.encode(`$${bytes.length}\r\n`),
        bytes,
        encoder.encode("\r\n"),
      );
    }
  }
  return concat(parts);
}

/** Writes a reply as Redis wrote it. */
export function writeReply(reply: Reply): Uint8Array {
  switch (reply.kind) {
    case "status":
      return encoder.encode(`+${reply.text}\r\n`);
    case "error":
      return encoder.encode(`-${reply.text}\r\n`);
    case "integer":
      return encoder.encode(`:${reply.text}\r\n`);
    case "null":
      return encoder.encode("$-1\r\n");
    case "bulk":
      return concat([
        encoder.encode(`$${reply.bytes.length}\r\n`),
        reply.bytes,
        encoder.encode("\r\n"),
      ]);
    case "array":
      return concat([
        encoder.encode(`*${reply.items.length}\r\n`),
        ...reply.items.map(writeReply),
      ]);
  }
}

/** A reply's text; empty for one that has none. */
export function textOf(reply: Reply | undefined): string {
  switch (reply?.kind) {
    case "bulk":
      return decoder.decode(reply.bytes);
    case "status":
    case "error":
    case "integer":
      return reply.text;
    default:
      return "";
  }
}
