/**
 * Sizes, and bytes as text, with web-standard means.
 *
 * @module
 */

/** What goes out or comes in as one WebSocket message. */
export type Data = string | Uint8Array;

const encoder = new TextEncoder();

/** A text as bytes of UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Tells whether a text or bytes take more than a number of bytes, without counting where that is sure. */
export function exceeds(data: string | Uint8Array, maxBytes: number): boolean {
  if (typeof data !== "string") return data.length > maxBytes;
  if (data.length > maxBytes) return true;
  return data.length * 3 > maxBytes && utf8(data).length > maxBytes;
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Bytes as base64. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192) { // a spread of all would overflow the stack
    binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  }
  return btoa(binary);
}

/** Base64 as bytes, `undefined` for what is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
