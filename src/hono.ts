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

/** What is used of Hono's context. */
export interface ContextLike {
  /** The request. */
  readonly req: {
    /** The original one: a copy cannot be upgraded. */
    readonly raw: Request;
  };
  /** What the runtime passed beside the request: on Bun its server, or an object that holds it. */
  readonly env: unknown;
}

/** What `identity` can read of Hono's context without naming its type. */
export interface HonoContextLike extends ContextLike {
  /** The request. */
  readonly req: ContextLike["req"] & {
    /** Reads a header. */
    header(name: string): string | undefined;
  };
  /** Reads what other middleware has set. */
  get(key: string): unknown;
}

/** What is used of a server. */
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
 * What {@linkcode superline} can be told. `Ctx` is the app's context: `(c: Context<Env>) => …` says which, since `app.use`
 * does not tell.
 */
export interface SuperlineOptions<Ctx extends ContextLike = HonoContextLike> {
  /**
   * Computes what `authenticate` gets as `info.identity`, the same on every host; say who a session cookie belongs to.
   */
  readonly identity?: (c: Ctx) => unknown;
  /** On Node: `upgradeWebSocket` of `@hono/node-server`, with `ws` behind it. Elsewhere it is left out. */
  readonly upgradeWebSocket?: UpgradeWebSocketLike;
}

/** What is used of a Hono helper: events in, middleware out. */
export type UpgradeWebSocketLike = (
  createEvents: () => {
    onOpen: (event: unknown, ws: { readonly raw?: unknown }) => void;
  },
) => (c: never, next: () => Promise<void>) => Promise<Response | void>;

/**
 * Mounts a server: WebSocket upgrades go to it, everything else passes on.
 *
 * What it answers an upgrade with is final: middleware in front may refuse before, and headers that it adds reach the
 * handshake's answer where the runtime lets them (on Bun they do not).
 *
 * @param srv What `createSocketServer` returned, or on Cloudflare `forwardTo`
 * @param options `identity`
 * @returns The middleware
 * @throws {TypeError} When `upgradeWebSocket` is given with what cannot be upgraded by it
 */
export function superline<Ctx extends ContextLike = HonoContextLike>(
  srv: UpgradableLike,
  options: SuperlineOptions<Ctx> = {},
): (c: Ctx, next: () => Promise<void>) => Promise<Response | void> {
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
    // Told when the peer goes before `onOpen`, which then never comes.
    signal.addEventListener("abort", handshake.abandon);
    if (signal.aborted) handshake.abandon();
    const upgrade = upgradeWebSocket(() => ({
      onOpen: (_event, { raw }) => {
        for (const event of OVER) tcp?.off(event, leave);
        openWs(raw as WsLike, handshake, poll); // the helper of @hono/node-server is made on ws
      },
    }));
    return await upgrade(c as never, next); // its own context type is the same object's
  };
}

/**
 * Lets middleware add headers to an upgrade's answer, and not replace it, which on Deno ends the listener and all that
 * it serves. What middleware throws from here on is lost likewise: Hono makes an answer of it.
 */
function keepUpgrade(c: ContextLike & { res?: Response }, up: Response): void {
  c.res = up;
  const res = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(c), "res");
  Object.defineProperty(c, "res", {
    ...res,
    set(this: typeof c, other: Response | undefined) {
      if (other?.status === 101) res?.set?.call(this, other); // the same one in a new wrapping
    },
  });
}

/** What is used of Node's `net.Socket`. */
interface NodeSocketLike {
  readonly remoteAddress?: string;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** What a socket of an HTTP server's fires when its peer goes: it stays half open after the end. */
const OVER = ["end", "close"];

/** Finds the TCP socket in what `@hono/node-server` passes: its request's signal tells of no peer that goes (2.1). */
function nodeSocketIn(env: unknown): NodeSocketLike | undefined {
  const { incoming } = (env ?? {}) as {
    incoming?: { socket?: NodeSocketLike };
  }; // there or not
  return incoming?.socket;
}
