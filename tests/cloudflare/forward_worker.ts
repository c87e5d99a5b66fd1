/** What an object is told of who comes: through Hono with an identity, and through the Worker alone. */
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { z } from "zod";
import { defineContract, type Node } from "../../mod.ts";
import {
  createDurableObjectAdapter,
  type NamespaceLike,
} from "../../adapters/durable_object.ts";
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import { superline } from "../../src/hono.ts";

export { Broker } from "../../adapters/durable_object.ts";

export const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        rooms: { input: z.null(), output: z.array(z.string()) },
        told: {
          input: z.null(),
          output: z.object({ identity: z.string(), headers: z.string() }),
        },
      },
    },
  },
});

interface Told {
  readonly role: "user";
  readonly ctx: { readonly identity: string; readonly headers: string };
}

export const Chat = durableObject(
  api,
  (env: { BROKER: NamespaceLike }, state, srv) => ({
    onConnection: (conn) => srv.room("lobby").add(conn),
    authenticate: (request, { identity }) => ({
      role: "user",
      ctx: {
        identity: JSON.stringify(identity ?? null),
        headers: [...request.headers.keys()].join(),
      },
    }),
    adapter: createDurableObjectAdapter({
      broker: env.BROKER,
      id: state.id,
      self: "CHAT",
    }),
  }),
  (srv: Node<(typeof api)["definition"], Told>) =>
    void srv.implement({
      user: {
        told: (_input, ctx) => ctx,
        rooms: (_input, _ctx, conn) => [...conn.rooms],
      },
    }),
);

const forwarder = forwardTo("CHAT", () => "lobby");
const app = new Hono();
app.use(secureHeaders());
app.use(
  "/hono",
  superline(forwarder, {
    identity: (c) => ({ name: c.req.header("cookie") ?? "é 👍" }),
  }),
);
app.use("/none", superline(forwarder, { identity: () => undefined }));
app.use("/unbound", superline(forwardTo("NOBODY", () => "lobby")));
app.all("*", async (c) => await forwarder.fetch(c.req.raw, c.env));

export default app;
