/** The same nodes behind Hono, with what apps put in front of them. */
import { Hono } from "hono";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { logger } from "hono/logger";
import { secureHeaders } from "hono/secure-headers";
import { timeout } from "hono/timeout";
import {
  superline,
  type SuperlineOptions,
  type UpgradableLike,
} from "../../src/hono.ts";

/** What Hono is put in front of. */
interface Served {
  /** The node that a request is for. */
  at(url: string): { readonly srv: UpgradableLike } | undefined;
  /** Answers what is no WebSocket. */
  http(request: Request, platform: unknown): Promise<Response>;
}

export function createHonoApp(
  nodes: Served,
  options: SuperlineOptions = {},
  /** On Cloudflare not: the runtime compresses what says that it is compressed. */
  compressed = true,
): Hono {
  const app = new Hono();
  app.use(logger(() => {}));
  app.use(cors());
  app.use(secureHeaders());
  if (compressed) app.use(compress());
  app.use(timeout(2_000));
  app.get("/", async (c) => await nodes.http(c.req.raw, c.env));
  app.all("/control/*", async (c) => await nodes.http(c.req.raw, c.env));
  app.use("/n/*", async (c, next) => {
    const node = nodes.at(c.req.url);
    return await (node ? superline(node.srv, options)(c, next) : next());
  });
  return app;
}
