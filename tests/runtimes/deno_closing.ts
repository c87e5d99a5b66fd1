/**
 * A server on Deno whose private way to cut sockets is out of reach, as it may be in another version: `hidden` takes it
 * away before the library looks. It prints its port and answers /report.
 */
import { z } from "zod";
import { defineContract } from "../../mod.ts";
import type { DenoServeLike } from "./deno_like.ts";

const { Deno: real } = globalThis as unknown as {
  Deno: DenoServeLike & { internal: symbol; upgradeWebSocket: unknown };
}; // this program runs on Deno
const { serve, upgradeWebSocket } = real;
Object.defineProperty(globalThis, "Deno", { value: { upgradeWebSocket } });

const { createSocketServer } = await import("../../mod.ts");
const api = defineContract({
  roles: {
    user: {
      clientToServer: { end: { input: z.string(), output: z.string() } },
    },
  },
});
const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user" }),
  closeTimeoutMs: 200,
  limits: { maxClosing: 5 },
});
srv.implement({
  user: {
    end: (text, _ctx, conn) => {
      conn.close(4000);
      return text;
    },
  },
});
serve(
  {
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(`port ${port}`),
  },
  (request, info) =>
    request.url.endsWith("/report")
      ? Response.json(srv.stats())
      : srv.fetch(request, info),
);
