// The contract: a board of notes, and the people at it.
import { z } from "zod";
import { defineContract } from "@super-line/edge";

// A page's policy may forbid code from strings: zod is not to try it.
z.config({ jitless: true });

/** The board's size; everything on it is told in these units. */
export const WIDTH = 1400;
export const HEIGHT = 860;

const id = z.string().min(1).max(40);
const place = {
  x: z.number().min(0).max(WIDTH),
  y: z.number().min(0).max(HEIGHT),
};

const draft = z.object({
  id,
  ...place,
  text: z.string().max(200),
  hue: z.number().int().min(0).max(359),
});

/** A sticky note; of two versions the later one counts. */
export const note = draft.extend({ at: z.number() });

/** Somebody at the board. */
export const person = z.object({
  id: z.string(),
  name: z.string(),
  hue: z.number(),
});

export type Draft = z.infer<typeof draft>;
export type Note = z.infer<typeof note>;
export type Person = z.infer<typeof person>;

export const api = defineContract({
  roles: {
    user: {
      data: person.omit({ id: true }),
      clientToServer: {
        // What there is; from then on events tell what changes.
        load: { input: z.null(), output: z.array(note) },
        put: { input: draft, output: note },
        remove: { input: z.object({ id }), output: z.null() },
        // Many a second, and of no worth when late: signals.
        point: { input: z.object(place) },
        drag: { input: z.object({ id, ...place }) },
      },
    },
  },
  shared: {
    serverToClient: {
      put: { payload: note },
      removed: { payload: z.object({ id }) },
      pointed: { payload: z.object({ by: z.string(), ...place }) },
      dragged: { payload: z.object({ by: z.string(), id, ...place }) },
      people: { payload: z.array(person) },
    },
  },
  serverToServer: {
    /** All who are at the board through this node, told again and again. */
    people: z.object({ node: z.string(), people: z.array(person) }),
  },
});
