// The contract: what people and agents may ask, and what they are sent.
import { z } from "zod";
import { defineContract } from "@super-line/edge";

// A page's policy may forbid code from strings: zod is not to try it.
z.config({ jitless: true });

const room = z.string().regex(
  /^[\p{L}\p{N}][\p{L}\p{N}-]{0,23}$/u,
  "must be 1 to 24 letters, digits and hyphens",
);
const text = z.string().trim().min(1).max(2_000);

/** Somebody in a room, a person or an agent. */
export const member = z.object({
  name: z.string(),
  role: z.enum(["user", "agent"]),
});

/** One line of a conversation. */
export const message = z.object({
  id: z.string(),
  room,
  from: member,
  text,
  at: z.number(),
});

/** Who is in a room now. */
export const presence = z.object({ room, people: z.array(member) });

export type Member = z.infer<typeof member>;
export type Message = z.infer<typeof message>;
export type Presence = z.infer<typeof presence>;

const data = z.object({ name: z.string() });
const sent = z.object({ id: z.string() });

export const api = defineContract({
  shared: {
    clientToServer: {
      typing: { input: z.object({ room }) },
    },
    serverToClient: {
      message: { payload: message },
      typing: { payload: z.object({ room, from: z.string() }) },
      presence: { payload: presence, subscribe: true },
    },
  },
  roles: {
    user: {
      data,
      clientToServer: {
        join: {
          input: z.object({ room }),
          // What happened lately, and who is where: a topic tells changes only.
          output: z.object({
            messages: z.array(message),
            rooms: z.array(presence),
          }),
        },
        leave: { input: z.object({ room }), output: z.null() },
        say: { input: z.object({ room, text }), output: sent },
      },
    },
    agent: {
      data,
      clientToServer: {
        answer: {
          input: z.object({ room, text, replyTo: z.string() }),
          output: sent,
        },
      },
      serverToClient: {
        // Lines that begin with a slash. People never see this topic.
        command: {
          payload: z.object({
            room,
            id: z.string(),
            from: z.string(),
            text,
          }),
          subscribe: true,
        },
      },
    },
  },
});
