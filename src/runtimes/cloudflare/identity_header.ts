/**
 * Passes a client's identity from the Worker to the Durable Object.
 *
 * @module
 */

const HEADER = "super-line-identity";

/** The prefix of headers that objects trust. */
const OURS = "super-line-";

/** Adds an identity to a request, replacing headers of this prefix that the client sent. */
export function withIdentity(request: Request, identity: unknown): Request {
  const inner = new Request(request);
  for (const name of [...inner.headers.keys()]) {
    if (name.startsWith(OURS)) inner.headers.delete(name);
  }
  if (identity !== undefined) {
    inner.headers.set(HEADER, encodeURIComponent(JSON.stringify(identity)));
  }
  return inner;
}

/** Removes and returns it. */
export function takeIdentity(
  request: Request,
): { inner: Request; identity: unknown } {
  const text = request.headers.get(HEADER);
  if (text === null) return { inner: request, identity: undefined };
  const inner = new Request(request);
  inner.headers.delete(HEADER);
  try {
    return { inner, identity: JSON.parse(decodeURIComponent(text)) };
  } catch {
    return { inner, identity: undefined }; // not written by `forwardTo`
  }
}
