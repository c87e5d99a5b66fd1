/** The contracts that every host serves: one in JSON, one whose payloads are MessagePack. */
import { decode, encode } from "@msgpack/msgpack";
import { z } from "zod";
import { defineContract } from "../../mod.ts";

const empty = z.object({});
const room = z.object({ room: z.string() });
const numbered = z.object({ n: z.number() });
const count = z.object({ count: z.number() });

/** How often the function of a schema ran, by key. */
const runs = new Map<string, number>();
/** A function of a schema that answers late, and fails at one place, as a database does. */
const late = (place: string) => async ({ key, at }: Placed) => {
  runs.set(key, (runs.get(key) ?? 0) + 1);
  await new Promise((resolve) => setTimeout(resolve, 1));
  if (at === place) throw new Error("database password");
  return true;
};
interface Placed {
  readonly key: string;
  /** Where a function of a schema rejects. */
  readonly at: string;
}
const placed = z.object({ key: z.string(), at: z.string() });
/** How often functions of schemas ran in this process for a key. */
export const runsOf = (key: string): number => runs.get(key) ?? 0;

export const api = defineContract({
  shared: {
    clientToServer: {
      echo: {
        input: z.object({ text: z.string() }),
        output: z.object({ text: z.string() }),
      },
      whoami: {
        input: empty,
        output: z.object({
          id: z.string(),
          role: z.string(),
          name: z.string(),
          level: z.number(),
          address: z.string(),
          cookie: z.string(),
          authorization: z.string(),
          token: z.string(),
          later: z.string(),
        }),
      },
      join: { input: room, output: z.object({ live: z.boolean() }) },
      leave: { input: room, output: empty },
      /** Broadcasts to a room, then answers. */
      say: {
        input: room.extend({ count: z.number() }),
        output: z.object({ members: z.number() }),
      },
      /** To the caller: broadcasts and its own events in turn. */
      mix: { input: room.extend({ count: z.number() }), output: count },
      /** To the caller: events in one turn. */
      burst: { input: count.extend({ pad: z.number() }), output: count },
      publish: { input: count, output: count },
      /** To a kept topic; answers when they are kept. */
      keep: {
        input: z.object({ id: z.string(), from: z.number(), to: z.number() }),
        output: count,
      },
      /** To the topic of one order. */
      pack: {
        input: z.object({ id: z.string(), count: z.number() }),
        output: count,
      },
      fail: { input: z.object({ how: z.string() }), output: empty },
      /** Its schemas wait; with `at: "question"` or `"answer"` the server asks the caller. */
      look: {
        input: placed.refine(late("input")),
        output: z.object({ ...placed.shape, runs: z.number() })
          .refine(late("output")),
      },
      /** Endless without `to`; marks its end under `key`. */
      stream: {
        input: z.object({
          key: z.string(),
          to: z.number().optional(),
          pad: z.number().default(0),
          how: z.string().optional(),
        }),
        yields: z.object({ n: z.number(), pad: z.string() }),
        output: z.object({ total: z.number() }),
      },
      /** Refuses with what it declares, or tries something else. */
      bid: {
        input: z.object({ how: z.string() }),
        output: empty,
        errors: {
          BID_TOO_LOW: z.object({ minimum: z.number() }),
          CLOSED: z.object({ at: z.string().default("noon") }),
        },
      },
      stray: { input: empty, output: z.object({ name: z.string() }) },
      wrong: { input: empty, output: z.object({ name: z.string() }) },
      /** Until it is cancelled. */
      hang: { input: z.object({ key: z.string() }), output: empty },
      /** The server ends the connection. */
      end: {
        input: z.object({
          code: z.number().optional(),
          reason: z.string().optional(),
        }),
      },
      mark: { input: z.object({ key: z.string() }) },
    },
    serverToClient: {
      message: { payload: numbered },
      note: {
        payload: z.object({ n: z.number(), pad: z.string().default("") }),
      },
      news: { payload: numbered, subscribe: true },
      secret: { payload: numbered, subscribe: true },
      feed: {
        payload: numbered,
        subscribe: true,
        params: z.object({ id: z.string() }),
        keep: { last: 8 },
        snapshot: z.array(z.number()),
      },
      price: { payload: numbered, subscribe: true, keep: { last: 1 } },
      confirm: {
        input: placed.refine(late("question")),
        output: placed.refine(late("answer")),
      },
      order: {
        payload: numbered,
        subscribe: true,
        params: z.object({ id: z.string() }),
      },
      /** Authorized late. */
      late: { payload: numbered, subscribe: true },
    },
  },
  roles: {
    user: {
      data: z.object({ name: z.string(), level: z.number().default(1) }),
    },
    agent: {
      clientToServer: { act: { input: empty, output: empty } },
      serverToClient: { task: { payload: numbered, subscribe: true } },
    },
  },
});

const blob = z.object({
  text: z.string(),
  bytes: z.instanceof(Uint8Array),
  at: z.date(),
});

export const packed = defineContract({
  serializer: {
    name: "msgpack",
    encode: (value) => encode(value),
    decode: (data) => decode(data as Uint8Array), // what encode made
  },
  roles: {
    user: {
      clientToServer: {
        echo: { input: blob, output: blob },
        chunks: {
          input: z.object({ count: z.number() }),
          yields: blob,
          output: z.object({ at: z.date() }),
        },
        /** Answers with an event as well. */
        reflect: { input: blob, output: z.object({ length: z.number() }) },
        /** To the topic of order 1. */
        pack: { input: blob, output: z.object({ length: z.number() }) },
      },
      serverToClient: {
        blob: { payload: blob },
        order: {
          payload: blob,
          subscribe: true,
          params: z.object({ id: z.string() }),
          keep: { last: 10 },
        },
      },
    },
  },
});
