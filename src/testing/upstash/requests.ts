/**
 * One HTTP request: who asks, for what, and what is answered.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { concat, exceeds } from "../../wire/bytes.ts";
import { toError, toItem } from "./answer.ts";
import {
  BadRequestError,
  readCommand,
  readCommands,
  readPath,
} from "./arguments.ts";
import type { Runner } from "./runner.ts";
import { type Command, type Reply, writeReply } from "./resp.ts";

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly type: "application/json" | "application/octet-stream";
  readonly body: string | Uint8Array;
}

/** A request that was read. */
export interface Asked {
  readonly url: URL;
  readonly method: string;
  readonly body: Uint8Array;
  /** A header's value. */
  header(name: string): string | undefined;
}

/** Who may do what. */
export interface Tokens {
  readonly standard: string;
  readonly readOnly: string;
}

/** Reads a request; the body up to a limit, of which one byte more shows that there was more. */
export async function readRequest(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Asked & { readonly actualBytes: number }> {
  const parts: Uint8Array[] = [];
  let actualBytes = 0;
  for await (const part of request) {
    actualBytes += part.length;
    if (actualBytes <= maxBytes) parts.push(part);
  }
  return {
    url: new URL(`http://local${request.url ?? "/"}`),
    method: request.method ?? "GET",
    body: concat(parts),
    actualBytes,
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

/** The right that a request's token gives, `undefined` for none. */
export function rightOf(
  { url, header }: Asked,
  tokens: Tokens,
): keyof Tokens | undefined {
  const bearer = /^Bearer\s+(.*)$/i.exec(header("authorization") ?? "")?.[1];
  const token = bearer ?? url.searchParams.get("_token");
  if (token === tokens.standard) return "standard";
  return token === tokens.readOnly ? "readOnly" : undefined;
}

/** The error for what is too large, in either direction. */
export function tooLarge(actual: number, limit: number): Answer {
  return json(
    400,
    toError(
      `ERR max request size exceeded. Limit: ${limit} bytes, Actual: ${actual} bytes. See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details`,
    ),
  );
}

/** An answer in JSON. */
export function json(status: number, body: string): Answer {
  return { status, type: "application/json", body };
}

/**
 * Runs what a request asks for.
 *
 * @throws {RedisAwayError} When Redis is away
 */
export async function answer(
  asked: Asked,
  right: keyof Tokens,
  runner: Runner,
  maxBytes: number,
): Promise<Answer> {
  const { url, header } = asked;
  const path = url.pathname;
  const base64 = header("upstash-encoding")?.toLowerCase() === "base64";
  const format = header("upstash-response-format")?.toLowerCase() ?? "json";
  try {
    if (format !== "json" && format !== "resp2") {
      throw new BadRequestError(
        `ERR unsupported Upstash-Response-Format: ${format}, must be json or resp2`,
      );
    }
    const raw = format === "resp2";
    if (raw && (base64 || path === "/multi-exec")) {
      throw new BadRequestError(
        "ERR resp2 is not available with base64, nor for /multi-exec",
      );
    }
    const many = path === "/pipeline" || path === "/multi-exec";
    const commands = readAll(asked, many);
    const replies = await runner.run(commands, {
      atomic: path === "/multi-exec",
      readOnly: right === "readOnly",
      syncToken: header("upstash-sync-token"),
    });
    if (typeof replies === "string") return json(400, toError(replies));
    const made = raw ? toRaw(replies, many) : toJson(replies, many, base64);
    return exceeds(made.body, maxBytes)
      ? tooLarge(new TextEncoder().encode(String(made.body)).length, maxBytes)
      : made;
  } catch (error) {
    if (!(error instanceof BadRequestError)) throw error;
    return json(400, toError(error.message));
  }
}

function readAll({ url, body }: Asked, many: boolean): Command[] {
  const text = () => new TextDecoder().decode(body);
  if (many) return readCommands(text());
  const inBody = url.pathname === "/" && body.length > 0;
  return [inBody ? readCommand(text()) : readPath(url, body)];
}

function toJson(
  replies: readonly Reply[],
  many: boolean,
  base64: boolean,
): Answer {
  const items = replies.map((it) => toItem(it, base64));
  if (many) return json(200, `[${items.join(",")}]`);
  return json(replies[0]?.kind === "error" ? 400 : 200, items[0] ?? "");
}

function toRaw(replies: readonly Reply[], many: boolean): Answer {
  const [first = { kind: "null" } as const] = replies;
  return {
    status: !many && first.kind === "error" ? 400 : 200,
    type: "application/octet-stream",
    body: writeReply(many ? { kind: "array", items: replies } : first),
  };
}
