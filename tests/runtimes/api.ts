/** The contracts that every host serves: one in JSON, one whose payloads are MessagePack. */
import { decode, encode } from "@msgpack/msgpack";
import { z } from "zod";
import { defineContract } from "../../mod.ts";

const empty = z.object({});
const room = z.object({ room: z.string() });
const numbered = z.object({ n: z.number() });
const count = z.object({ count: z.number() });

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
      fail: { input: z.object({ how: z.string() }), output: empty },
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
        /** Answers with an event as well. */
        reflect: { input: blob, output: z.object({ length: z.number() }) },
      },
      serverToClient: { blob: { payload: blob } },
    },
  },
});
