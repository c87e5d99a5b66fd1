/** What the clients of a rolling deploy do. */
import { z } from "zod";
import { defineContract } from "../../mod.ts";

export const api = defineContract({
  shared: {
    clientToServer: {
      work: {
        input: z.object({ ms: z.number() }),
        output: z.object({ node: z.string() }),
      },
      announce: {
        input: z.object({ text: z.string() }),
        output: z.object({}),
      },
    },
    serverToClient: {
      said: { payload: z.object({ text: z.string() }) },
      news: { payload: z.object({ text: z.string() }), subscribe: true },
    },
  },
  roles: { user: {} },
  serverToServer: { started: z.object({ node: z.string() }) },
});
