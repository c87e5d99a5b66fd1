/**
 * The `Origin` check: browsers do not apply the same-origin rule to WebSockets, so the server must.
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
 * Checks the option `origins` when a server is created: an entry that no browser ever sends would refuse every page.
 *
 * @throws {TypeError} If it is not an origin, a list of origins, a function or `"*"`
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
 * @returns `undefined` if it is allowed, else the flaw, for the log
 */
export function originFlaw(
  request: Request,
  origins: Origins,
): { readonly flaw: string } | undefined {
  const origin = request.headers.get("origin");
  if (origin === null || origins === "*") return undefined; // browsers always send it
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

/** Tells whether a `Host` header is a host with an optional port, and nothing that would change the request's URL. */
export function isHost(host: string): boolean {
  return /^[\w.~%!$&'()*+,;=:[\]-]*$/.test(host);
}

/** Tells whether an origin is the same site as a host. */
function isPageOf(origin: string, scheme: string, host: string): boolean {
  if (host === "" || !isHost(host)) return false;
  try {
    // Parsed as URLs, so that a scheme's default port may be written or not. "null" is not a URL.
    const from = new URL(origin);
    return from.href === `${from.protocol}//${from.host}/` && // no user name, and nothing after the host
      from.href === new URL(`${scheme}//${host}`).href;
  } catch {
    return false;
  }
}

/**
 * Tells whether the client's connection is encrypted, as far as the server can know: a page of `http:` is another
 * origin then. A page cannot set the header. If a proxy does not set it, both schemes are allowed.
 */
function isEncrypted(request: Request): boolean {
  const forwarded = request.headers.get("x-forwarded-proto") ?? "";
  return request.url.startsWith("https:") ||
    forwarded.split(",")[0]?.trim().toLowerCase() === "https";
}

/** Returns the origin of a URL as browsers write it; `undefined` if it has none, such as "null". */
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
