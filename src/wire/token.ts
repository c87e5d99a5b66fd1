/**
 * A token as a WebSocket subprotocol: base64url of its UTF-8, since a subprotocol is an HTTP token (RFC 6455 §4.1).
 *
 * @module
 */
import { fromBase64, utf8 } from "./bytes.ts";
import { TOKEN_PREFIX } from "./protocol.ts";

/** Makes the subprotocol that carries a token. */
export function tokenProtocol(token: string): string {
  // No header holds so many bytes that their spread could overflow the stack.
  const base64 = btoa(String.fromCharCode(...utf8(token)));
  return TOKEN_PREFIX +
    base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** The subprotocols that a client offers. */
export function offeredProtocols({ headers }: Request): string[] {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  return offered.split(",").map((protocol) => protocol.trim());
}

/** Reads the token among offered subprotocols; `undefined` when none carries one that can be read. */
export function offeredToken(protocols: readonly string[]): string | undefined {
  const offered = protocols.find((protocol) =>
    protocol.startsWith(TOKEN_PREFIX)
  );
  const bytes = offered &&
    fromBase64(
      offered.slice(TOKEN_PREFIX.length).replace(/-/g, "+").replace(/_/g, "/"),
    );
  return bytes ? new TextDecoder().decode(bytes) : undefined;
}
