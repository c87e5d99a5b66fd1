/**
 * Which pages may connect: a WebSocket is not held back by the browser's same-origin rule, so the server has to look.
 *
 * @module
 */
import { quote } from "../../contract/names.ts";

/** The option `origins`. */
export type Origins =
  | string
  | readonly string[]
  | ((origin: string, request: Request) => boolean)
  | undefined;

/**
 * Checks the option `origins` when a server is created: an entry that no browser ever sends would refuse everybody.
 *
 * @throws {TypeError} When it is no origin, list of origins, function or `"*"`
 */
export function checkOrigins(origins: unknown): void {
  if (origins === undefined || origins === "*") return;
  if (typeof origins === "function") return;
  const entries = typeof origins === "string" ? [origins] : origins;
  if (!Array.isArray(entries)) {
    throw new TypeError(
      `Cannot create a server: origins is ${typeof origins}, must be an origin, a list of origins, a function or "*"`,
    );
  }
  for (const entry of entries) {
    const origin = typeof entry === "string" ? originOf(entry) : undefined;
    if (origin === entry && origin !== undefined) continue;
    const fix = entry === "*"
      ? 'for every origin pass origins: "*", not in a list'
      : origin
      ? `write ${quote(origin)}`
      : 'such as "https://app.example"';
    throw new TypeError(
      `Cannot create a server: origins has ${
        quote(String(entry))
      }, must be an origin as browsers send it: ${fix}`,
    );
  }
}

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
  if (origins !== undefined) {
    const allowed = typeof origins === "string" ? [origins] : origins;
    return allowed.includes(origin)
      ? undefined
      : flawOf(origin, `must be one of ${allowed.map(quote).join(", ")}`);
  }
  const host = request.headers.get("host") ?? "";
  const expected = isEncrypted(request) ? ["https:"] : ["https:", "http:"];
  return expected.some((scheme) => isPageOf(origin, scheme, host))
    ? undefined
    : flawOf(
      origin,
      `must be of host ${quote(host)} and scheme ${expected.join(" or ")}`,
    );
}

/** Whether a `Host` header is a host and perhaps a port, and nothing that would make another URL of the request's. */
export function isHost(host: string): boolean {
  return /^[\w.~%!$&'()*+,;=:[\]-]*$/.test(host);
}

/** Whether an origin is that of a host's own pages. */
function isPageOf(origin: string, scheme: string, host: string): boolean {
  if (host === "" || !isHost(host)) return false;
  try {
    // Both are read as URLs, so that a port that is the scheme's default is the same written or not. "null" is no URL.
    const from = new URL(origin);
    return from.href === `${from.protocol}//${from.host}/` && // nobody's name, and nothing behind the host
      from.href === new URL(`${scheme}//${host}`).href;
  } catch {
    return false;
  }
}

/**
 * Whether the client's connection is encrypted, as far as the server can know: a page of `http:` is then another origin.
 * A page cannot set the header, and a proxy that does not set it leaves both schemes allowed.
 */
function isEncrypted(request: Request): boolean {
  const forwarded = request.headers.get("x-forwarded-proto") ?? "";
  return request.url.startsWith("https:") ||
    forwarded.split(",")[0]?.trim().toLowerCase() === "https";
}

/** The origin that a URL belongs to, as a browser writes it; `undefined` when it has none, such as "null". */
function originOf(url: string): string | undefined {
  try {
    const { protocol, host } = new URL(url);
    return host === "" ? undefined : `${protocol}//${host}`;
  } catch {
    return undefined;
  }
}

function flawOf(origin: string, rule: string): { readonly flaw: string } {
  return {
    flaw: `Cannot accept a client of origin ${
      quote(origin)
    }: it is another site, ${rule}`,
  };
}
