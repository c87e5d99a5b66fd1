/**
 * Replies as they stand in an answer.
 *
 * @module
 */
import { toBase64 } from "../../wire/bytes.ts";
import type { Reply } from "./resp.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder(); // invalid UTF-8 becomes U+FFFD, as the documentation says

/** One item: `{"result":…}` or `{"error":…}`. */
export function toItem(reply: Reply, base64: boolean): string {
  return reply.kind === "error"
    ? toError(reply.text)
    : `{"result":${toJson(reply, base64, true)}}`;
}

/** `{"error":…}`. */
export function toError(text: string): string {
  return JSON.stringify({ error: text });
}

function toJson(reply: Reply, base64: boolean, top: boolean): string {
  switch (reply.kind) {
    case "null":
      return "null";
    case "integer":
      return reply.text; // as text: it may be larger than a float holds
    case "error":
      return JSON.stringify(reply.text);
    case "status":
      // The SDK keeps "OK" as it is at the top only; in an array it would decode it to "8".
      return JSON.stringify(
        base64 && !(top && reply.text === "OK")
          ? toBase64(encoder.encode(reply.text))
          : reply.text,
      );
    case "bulk":
      return JSON.stringify(
        base64 ? toBase64(reply.bytes) : decoder.decode(reply.bytes),
      );
    case "array": {
      const items = reply.items.map((it) => toJson(it, base64, false));
      return `[${items.join(",")}]`;
    }
  }
}
