/**
 * The token as a WebSocket subprotocol: base64url of its UTF-8, since a subprotocol must be an HTTP token (RFC 6455
 * §4.1).
 *
 * @module
 */
import { fromBase64, utf8 } from "./bytes.ts";
import { TOKEN_PREFIX } from "./protocol.ts";

/** Returns the subprotocol that carries a token. */
export function tokenProtocol(token: string): string {
  // headers are too short for the spread to overflow the stack
  const base64 = btoa(String.fromCharCode(...utf8(token)));
  return TOKEN_PREFIX +
    base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** Returns the subprotocols that a client offers. */
export function offeredProtocols({ headers }: Request): string[] {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  return offered.split(",").map((protocol) => protocol.trim());
}

/** Returns the token in the offered subprotocols; `undefined` if there is none that can be decoded. */
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
