/**
 * The Worker in front of Durable Objects.
 *
 * @module
 */
import type { HandshakeExtras } from "../../server/handshake/handshake.ts";
import { quote } from "../../contract/names.ts";
import { type DurableNamespaceLike, upgraded } from "./types.ts";
import { withIdentity } from "./identity_header.ts";

/** A Worker that forwards requests to Durable Objects; `superline` of `./hono` accepts it too. */
export interface Forwarder {
  /** Forwards a request to its object. */
  readonly fetch: (request: Request, env: unknown) => Promise<Response>;
  /** As `fetch`, for middleware that knows who the client is. */
  readonly upgrade: (
    request: Request,
    env: unknown,
    extras: HandshakeExtras,
  ) => Promise<Response>;
}

/**
 * Creates a Worker that forwards every request to a Durable Object.
 *
 * If you forward without this function, delete all incoming headers that start with `super-line-`: objects trust them.
 *
 * @param binding The name of the binding to the class
 * @param route Returns the name of the object for a request
 * @returns The Worker, to be the default export, or to be mounted in Hono with `superline`
 *
 * @example An object a room
 * ```ts
 * import { forwardTo } from "@super-line/edge/cloudflare";
 *
 * export default forwardTo("CHAT", (request) => new URL(request.url).pathname);
 * ```
 */
export function forwardTo(
  binding: string,
  route: (request: Request) => string | Promise<string>,
): Forwarder {
  const forward = async (
    request: Request,
    env: unknown,
    { identity }: HandshakeExtras,
  ): Promise<Response> => {
    const objects = (env as Record<string, DurableNamespaceLike | undefined>)
      ?.[binding]; // the arguments of a Worker's handler
    if (typeof objects?.idFromName !== "function") {
      throw new TypeError(
        `Cannot forward to ${
          quote(binding)
        }: env has no such binding, must be a class of Durable Objects`,
      );
    }
    const name = await route(request);
    const object = objects.get(objects.idFromName(name));
    const response = await object.fetch(withIdentity(request, identity));
    // An object's response has immutable headers, which middleware throws on.
    const { webSocket } = response as { webSocket?: object | null };
    return webSocket
      ? upgraded(webSocket, response.headers)
      : new Response(response.body, response);
  };
  return {
    fetch: (request, env) => forward(request, env, {}),
    upgrade: forward,
  };
}
