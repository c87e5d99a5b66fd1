// The contract: four ways to reach somebody, whichever node they are on.
import { z } from "zod";
import { defineContract } from "@super-line/edge";

const text = z.string().trim().min(1).max(500);

/** What is sent. Its id was made by the node that the sender is on. */
export const message = z.object({
  id: z.string(),
  from: z.string(),
  node: z.string(),
  text: z.string(),
});

export type Message = z.infer<typeof message>;

export const api = defineContract({
  shared: {
    clientToServer: {
      announce: { input: z.object({ text }), output: message },
      say: { input: z.object({ text }), output: message },
      whisper: { input: z.object({ to: z.string(), text }), output: message },
      tellNodes: { input: z.object({ text }), output: message },
    },
    serverToClient: {
      welcome: { payload: z.object({ node: z.string() }) },
      news: { payload: message, subscribe: true }, // a topic, by announce
      said: { payload: message }, // to a room, by say
      whispered: { payload: message }, // to one person's room, by whisper
      told: { payload: message }, // by a node that heard a server event
    },
  },
  roles: { user: {} },
  serverToServer: { note: message }, // by tellNodes
});
