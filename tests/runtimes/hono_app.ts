/** The same nodes behind Hono, with what apps put in front of them. */
import { Hono } from "hono";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { logger } from "hono/logger";
import { secureHeaders } from "hono/secure-headers";
import { timeout } from "hono/timeout";
import { superline, type SuperlineOptions } from "../../src/hono.ts";
import type { Nodes } from "./nodes.ts";

export function createHonoApp(
  nodes: Nodes,
  options: SuperlineOptions = {},
): Hono {
  const app = new Hono();
  app.use(logger(() => {}));
  app.use(cors());
  app.use(secureHeaders());
  app.use(compress());
  app.use(timeout(2_000));
  app.get("/", async (c) => await nodes.http(c.req.raw));
  app.all("/control/*", async (c) => await nodes.http(c.req.raw));
  app.use("/n/*", async (c, next) => {
    const node = nodes.at(c.req.url);
    return await (node ? superline(node.srv, options)(c, next) : next());
  });
  return app;
}
