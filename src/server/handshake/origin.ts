/**
 * Which pages may connect: a WebSocket is not held back by the browser's same-origin rule, so the server has to look.
 *
 * @module
 */
import { quote } from "../../contract/names.ts";

/** The option `origins`. */
export type Origins =
  | readonly string[]
  | "*"
  | ((origin: string, request: Request) => boolean)
  | undefined;

/**
 * Checks a request's `Origin`.
 *
 * @returns `undefined` when it may come in, else what is wrong, for the log
 */
export function originFlaw(
  request: Request,
  origins: Origins,
): { readonly flaw: string } | undefined {
  const origin = request.headers.get("origin");
  if (origin === null || origins === "*") return undefined; // no browser leaves it out
  if (typeof origins === "function") {
    return origins(origin, request) === true
      ? undefined
      : flawOf(origin, "refused by the function");
  }
  if (origins) {
    return origins.includes(origin)
      ? undefined
      : flawOf(origin, `must be one of ${origins.map(quote).join(", ")}`);
  }
  const host = request.headers.get("host") ?? "";
  return sameHost(origin, host)
    ? undefined
    : flawOf(origin, `must be of host ${quote(host)}`);
}

function sameHost(origin: string, host: string): boolean {
  try {
    // Both are read as URLs, so that a port that is the scheme's default is the same written or not. "null" is no URL.
    const { protocol, host: from } = new URL(origin);
    return host !== "" && from === new URL(`${protocol}//${host}`).host;
  } catch {
    return false;
  }
}

function flawOf(origin: string, rule: string): { readonly flaw: string } {
  return {
    flaw: `Cannot accept a client of origin ${
      quote(origin)
    }: it is another site, ${rule}`,
  };
}
