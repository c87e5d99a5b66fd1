// What the load benches say: requests, a room of all, small rooms, a topic.
import { z } from "zod";
import { defineContract } from "../../mod.ts";

export const api = defineContract({
  shared: {
    clientToServer: {
      echo: { input: z.object({ text: z.string() }), output: z.string() },
      slow: { input: z.object({ ms: z.number() }), output: z.null() },
      join: { input: z.object({ room: z.string() }), output: z.null() },
      say: { input: z.object({ room: z.string() }), output: z.null() },
      announce: { input: z.null(), output: z.null() },
      typing: { input: z.null() },
    },
    serverToClient: {
      tick: { payload: z.object({ at: z.number() }) },
      said: { payload: z.object({ pad: z.string() }) },
      news: { payload: z.object({ pad: z.string() }), subscribe: true },
    },
  },
  roles: { user: {} },
});
