/**
 * A server as Hono middleware, on every runtime. Hono is typed by structure and not imported.
 *
 * @example Beside ordinary routes
 * ```ts
 * import { Hono } from "hono";
 * import { z } from "zod";
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { superline } from "@super-line/edge/hono";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
 * });
 * const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
 * srv.implement({ user: { echo: (text) => text } });
 *
 * const app = new Hono();
 * app.get("/", (c) => c.text("hello"));
 * app.use("/realtime", superline(srv));
 *
 * export default Object.assign(app, { websocket: srv.websocket });
 * ```
 *
 * @module
 */
import type {
  Handshake,
  HandshakeExtras,
} from "./server/handshake/handshake.ts";
import { isHttpTransport } from "./runtimes/http.ts";
import { createPoll } from "./runtimes/poll.ts";
import { openWs, type WsLike } from "./runtimes/ws.ts";

/** The members used of Hono's context. */
export interface ContextLike {
  /** The request. */
  readonly req: {
    /** The original request: a copy cannot be upgraded. */
    readonly raw: Request;
  };
  /** The runtime's second argument: on Bun its server, or an object that contains it. */
  readonly env: unknown;
}

/** The members of Hono's context that `identity` can use without its type. */
export interface HonoContextLike extends ContextLike {
  /** The request. */
  readonly req: ContextLike["req"] & {
    /** Reads a header. */
    header(name: string): string | undefined;
  };
  /** Reads a variable that other middleware has set. */
  get(key: string): unknown;
}

/** The members used of a server. */
export interface UpgradableLike {
  /** Decides about an upgrade; used with `upgradeWebSocket`. */
  handshake?(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
  /** Upgrades a request. */
  readonly upgrade: (
    request: Request,
    platform: unknown,
    extras: HandshakeExtras,
  ) => Promise<Response>;
}

/**
 * Options of {@linkcode superline}. `Ctx` is the app's context: annotate it as `(c: Context<Env>) => …`, since
 * `app.use` does not infer it.
 */
export interface SuperlineOptions<Ctx extends ContextLike = HonoContextLike> {
  /** Computes `info.identity` for `authenticate`, the same on every host; for example the user of a session cookie. */
  readonly identity?: (c: Ctx) => unknown;
  /** On Node: `upgradeWebSocket` of `@hono/node-server`, with `ws`. Omit it elsewhere. */
  readonly upgradeWebSocket?: UpgradeWebSocketLike;
}

/** The type of a Hono helper for upgrades: takes events, returns middleware. */
export type UpgradeWebSocketLike = (
  createEvents: () => {
    onOpen: (event: unknown, ws: { readonly raw?: unknown }) => void;
  },
) => (c: never, next: () => Promise<void>) => Promise<Response | void>;

/**
 * Mounts a server: it handles WebSocket upgrades, and passes all other requests on.
 *
 * Its response to an upgrade is final: middleware before it may refuse the request, and headers that middleware adds
 * reach the response where the runtime allows it (not on Bun).
 *
 * @param srv The server, or on Cloudflare the result of `forwardTo`
 * @param options `identity`
 * @returns The middleware
 * @throws {TypeError} If `upgradeWebSocket` is passed with a server that it cannot upgrade
 *
 * t
 */
export function superline<Ctx extends ContextLike = HonoContextLike>(
  srv: UpgradableLike,
  options: SuperlineOptions<Ctx> = {},
): (c: Ctx, next: () => Promise<void>) => Promise<Response | void> {
  if (typeof srv?.upgrade !== "function") {
    throw new TypeError(
      `Cannot mount the server: it is ${
        srv === undefined ? "undefined" : "no server"
      }, must be what createSocketServer or forwardTo returned`,
    );
  }
  const { upgradeWebSocket } = options;
  const decide = srv.handshake?.bind(srv);
  if (upgradeWebSocket && !decide) {
    throw new TypeError(
      "Cannot use upgradeWebSocket: the server only forwards, must be what createSocketServer returned",
    );
  }
  const poll = createPoll();
  return async (c, next) => {
    const isUpgrade =
      c.req.raw.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (!isUpgrade && !isHttpTransport(c.req.raw)) return await next();
    const identity = await options.identity?.(c);
    const tcp = nodeSocketIn(c.env);
    const extras = {
      hono: c,
      ...(tcp?.remoteAddress && { remoteAddress: tcp.remoteAddress }),
      ...(identity !== undefined && { identity }),
    };
    if (!isUpgrade || !upgradeWebSocket || !decide) {
      const response = await srv.upgrade(c.req.raw, c.env, extras);
      if (response.status === 101) keepUpgrade(c, response);
      return response;
    }

    const gone = new AbortController();
    const leave = () => gone.abort();
    for (const event of OVER) tcp?.on(event, leave);
    const { signal } = gone;
    const handshake = await decide(c.req.raw, {
      ...extras,
      signal,
    });
    if (handshake.kind === "respond") return handshake.response;
    // Reports a peer that disconnects before `onOpen`, which then is never called.
    signal.addEventListener("abort", handshake.abandon);
    if (signal.aborted) handshake.abandon();
    const upgrade = upgradeWebSocket(() => ({
      onOpen: (_event, { raw }) => {
        for (const event of OVER) tcp?.off(event, leave);
        openWs(raw as WsLike, handshake, poll); // the helper of @hono/node-server is based on ws
      },
    }));
    return await upgrade(c as never, next); // its own context type describes the same object
  };
}

/**
 * Allows middleware to add headers to the upgrade response but not to replace it, which on Deno stops the listener. An
 * error that middleware throws afterwards is lost too, since Hono converts it to a response.
 */
function keepUpgrade(c: ContextLike & { res?: Response }, up: Response): void {
  c.res = up;
  const res = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(c), "res");
  Object.defineProperty(c, "res", {
    ...res,
    set(this: typeof c, other: Response | undefined) {
      if (other?.status === 101) res?.set?.call(this, other); // the same response, wrapped again
    },
  });
}

/** The members used of Node's `net.Socket`. */
interface NodeSocketLike {
  readonly remoteAddress?: string;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** The events of an HTTP server's socket when its peer disconnects: it stays half open after `end`. */
const OVER = ["end", "close"];

/** Finds the TCP socket in what `@hono/node-server` passes: its request signal does not report a disconnect (2.1). */
function nodeSocketIn(env: unknown): NodeSocketLike | undefined {
  const { incoming } = (env ?? {}) as {
    incoming?: { socket?: NodeSocketLike };
  }; // may be absent
  return incoming?.socket;
}
