// What the cases of cases.ts are about: one contract, its server and a client.
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

export const api = defineContract({
  shared: {
    clientToServer: {
      typing: { input: z.object({ room: z.string() }) },
      join: {
        input: z.object({ room: z.string() }),
        output: z.object({ ok: z.boolean() }),
      },
    },
    serverToClient: {
      message: { payload: z.object({ from: z.string(), text: z.string() }) },
      presence: {
        payload: z.object({ room: z.string(), count: z.number() }),
        subscribe: true,
      },
      order: {
        payload: z.object({ state: z.string() }),
        subscribe: true,
        params: z.object({ id: z.string(), page: z.number().optional() }),
      },
      trade: {
        payload: z.object({ price: z.number() }),
        subscribe: true,
        params: z.object({ symbol: z.string() }),
        keep: { last: 100, forMs: 60_000 },
        snapshot: z.array(z.number()),
      },
      confirm: {
        input: z.object({ text: z.string() }),
        output: z.boolean(),
      },
    },
  },
  roles: {
    user: {
      data: z.object({ theme: z.string().default("light") }),
      clientToServer: {
        say: {
          input: z.object({
            text: z.string().trim(),
            loud: z.coerce.boolean(),
          }),
          output: z.object({ id: z.string(), at: z.number().default(0) }),
        },
        me: { input: z.undefined(), output: z.string() },
        leave: { input: z.string().optional() },
      },
      serverToClient: {
        invited: { payload: z.object({ by: z.string() }) },
        // The other role has one of the same name and another payload.
        status: { payload: z.string(), subscribe: true },
      },
    },
    agent: {
      clientToServer: {
        finish: { input: z.number(), output: z.null() },
      },
      serverToClient: {
        task: { payload: z.object({ prompt: z.string() }), subscribe: true },
        status: { payload: z.number(), subscribe: true },
        paged: { payload: z.number() },
        work: { input: z.number(), output: z.coerce.number() },
      },
    },
    guest: {},
  },
  serverToServer: {
    rebalance: z.object({ shard: z.coerce.number() }),
    load: {
      input: z.object({ of: z.string().default("cpu") }),
      output: z.number(),
    },
  },
});

/** The contract's type, as `Handlers<…>` and `Connection<…>` take it. */
export type Api = typeof api.definition;

/** What the fixture's `authenticate` returns. */
export type Auth =
  | {
    role: "user";
    ctx: { user: { id: string; name: string } };
    data: { theme?: string };
  }
  | { role: "agent"; ctx: { key: string } }
  | { role: "guest" };

export const authenticate = (request: Request): Auth =>
  request.url.includes("guest")
    ? { role: "guest" }
    : { role: "agent", ctx: { key: request.url } };

export const srv = createSocketServer(api, { authenticate });
export const user = createClient(api, { url: "ws://app.test", role: "user" });
export const agent = createClient(api, { url: "ws://app.test", role: "agent" });
