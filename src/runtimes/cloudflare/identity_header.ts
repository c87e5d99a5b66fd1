/**
 * How what a Worker knows of a client travels to the Durable Object.
 *
 * @module
 */

const HEADER = "super-line-identity";

/** What headers start with that objects believe. */
const OURS = "super-line-";

/** Puts an identity into a request, in place of whatever its client may have put there. */
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

/** Takes it out again. */
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
    return { inner, identity: undefined }; // no Worker of ours wrote it
  }
}
