import { afterEach, describe, expect, test } from "bun:test";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  type Contract,
  createSocketServer,
  defineContract,
  type SocketServer,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { loopback } from "@super-line/edge/testing";

import { thrown } from "./helpers/wait.ts";

const schema = z.string();
const signal = { input: schema };
const event = { payload: schema };
const topic = { payload: schema, subscribe: true };

/** Defines what the types would not let through. */
const define = (definition: unknown): Contract =>
  defineContract(definition as { roles: Record<never, never> });
const calls = (name: string, ...[entry]: unknown[]) => ({
  roles: { user: { clientToServer: { [name]: entry } } },
});
const messages = (name: string, ...[entry]: unknown[]) => ({
  roles: { user: { serverToClient: { [name]: entry } } },
});

/** Asserts that a definition is refused with a TypeError that names the entry. */
function expectRefused(definition: unknown, ...mentions: string[]): void {
  let error: unknown;
  try {
    define(definition);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TypeError);
  for (const mention of mentions) {
    expect((error as TypeError).message).toContain(mention);
  }
  expect((error as TypeError).message).toMatch(/^Cannot define .*must be/s);
}

describe("a name", () => {
  const euro = "€"; // three bytes
  const kinds: [kind: string, of: (name: string) => unknown][] = [
    ["role", (name) => ({ roles: { [name]: {} } })],
    ["request or signal", (name) => calls(name, signal)],
    ["event", (name) => messages(name, event)],
    ["topic", (name) => messages(name, topic)],
    [
      "shared event",
      (name) => ({
        roles: { user: {} },
        shared: { serverToClient: { [name]: event } },
      }),
    ],
    [
      "server event",
      (name) => ({ roles: { user: {} }, serverToServer: { [name]: schema } }),
    ],
  ];

  test.each(kinds)("of a %s may have 1 to 256 bytes", (_kind, of) => {
    for (
      const name of [
        "a",
        "a".repeat(256),
        euro.repeat(85) + "a",
        "🦀".repeat(64),
      ]
    ) define(of(name));
    expectRefused(of(""), "it is empty");
    expectRefused(of("a".repeat(257)), "aaaa", "257 bytes");
    expectRefused(of(euro.repeat(85) + "ab"), "€€€€", "257 bytes");
    expectRefused(of("🦀".repeat(65)), "260 bytes");
  });

  test.each(kinds)("of a %s is well-formed Unicode", (_kind, of) => {
    expectRefused(of("a\ud800"), "lone surrogate", String.raw`a\ud800`);
    expectRefused(of("\udc00a"), "lone surrogate");
    expectRefused(of("\udc00\ud800"), "lone surrogate");
    define(of("\ud83e\udd80")); // a pair
  });

  test.each(kinds)("of a %s may hold any character", (_kind, of) => {
    for (const name of ["a:b", "x%3A", "a b", "ä\n\0", "1", "\u202e"]) {
      define(of(name));
    }
  });

  test("of an event may be one that a client's method may not have", () => {
    for (
      const name of ["on", "close", "then", "constructor", "$x", "_x", "onX"]
    ) {
      expect(define(messages(name, event)).roles.get("user")?.events.has(name))
        .toBe(true);
    }
  });
});

describe("a client's method may not be called", () => {
  const reserved =
    "on request emit call close subscribe implement room ready role id state status then toJSON"
      .split(" ");
  const ofObject = [
    "constructor",
    "toString",
    "toLocaleString",
    "valueOf",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "__proto__",
    "__defineGetter__",
    "__lookupSetter__",
  ];
  const patterns = ["$x", "$", "_x", "_", "__x", "onX", "onMessage", "onÄrger"];

  test.each([...reserved, ...ofObject, ...patterns])("%s", (name) => {
    expectRefused(calls(name, signal), `user.clientToServer.${name}`);
    expectRefused(
      { roles: { user: {} }, shared: { clientToServer: { [name]: signal } } },
      `shared.clientToServer.${name}`,
    );
  });

  test("but may be called anything else", () => {
    const names = [
      "once",
      "online",
      "on_x",
      "on1",
      "o",
      "ONX",
      "closed",
      "Request",
      "x$",
      "x_",
      "rooms",
      "send",
      "name",
      "length",
      "prototype",
      "ärger",
      "a.b",
      "a b",
    ];
    const { roles } = define({
      roles: {
        user: {
          clientToServer: Object.fromEntries(
            names.map((name) => [name, signal]),
          ),
        },
      },
    });
    expect([...roles.get("user")?.calls.keys() ?? []]).toEqual(names);
  });

  test("and every name that a client has is among these", () => {
    const api = defineContract({ roles: { user: {} } });
    const client = createClient(api, {
      url: "ws://app.test",
      role: "user",
      WebSocket: loopback(
        createSocketServer(api, { authenticate: () => ({ role: "user" }) })
          .implement({}),
      ),
    });
    client.close();
    const names = [
      ...Object.getOwnPropertyNames(client),
      ...Object.getOwnPropertyNames(Object.getPrototypeOf(client)),
    ];
    expect(names).toContain("subscribe");
    for (const name of names) expectRefused(calls(name, signal), name);
  });
});

describe("a name in shared and in a role is refused", () => {
  test.each([
    ["a request and a signal", "clientToServer", signal, {
      input: schema,
      output: schema,
    }],
    ["two signals", "clientToServer", signal, signal],
    ["two events", "serverToClient", event, event],
    ["two topics", "serverToClient", topic, topic],
    ["an event and a topic", "serverToClient", event, topic],
    ["a topic and an event", "serverToClient", topic, event],
  ])("for %s", (_what, direction, ours, theirs) => {
    expectRefused(
      {
        shared: { [direction]: { twice: ours } },
        roles: { user: {}, agent: { [direction]: { twice: theirs } } },
      },
      "agent.twice",
      '"shared"',
    );
  });

  test("but two roles may have one, of two kinds", () => {
    const { roles } = define({
      roles: {
        user: {
          clientToServer: { go: signal },
          serverToClient: { news: event },
        },
        agent: {
          clientToServer: { go: { input: schema, output: schema } },
          serverToClient: { news: topic },
        },
      },
    });
    expect(roles.get("user")?.calls.get("go")?.output).toBeUndefined();
    expect(roles.get("agent")?.calls.get("go")?.output).toBe(schema);
    expect([...roles.get("user")?.events.keys() ?? []]).toEqual(["news"]);
    expect([...roles.get("agent")?.topics.keys() ?? []]).toEqual(["news"]);
  });

  test("and one may stand for both directions", () => {
    const { roles } = define({
      shared: { clientToServer: { typing: signal } },
      roles: { user: { serverToClient: { typing: event } } },
    });
    expect(roles.get("user")?.calls.has("typing")).toBe(true);
    expect(roles.get("user")?.events.has("typing")).toBe(true);
  });
});

describe("a contract is refused", () => {
  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a string", "roles"],
    ["no roles", {}],
    ["roles that are null", { roles: null }],
    ["roles that are a number", { roles: 1 }],
    ["0 roles", { roles: {} }],
  ])("that is or has %s", (_what, definition) => {
    expectRefused(definition, "role");
  });

  test("with a role called shared", () => {
    expectRefused({ roles: { shared: {} } }, 'role "shared"');
  });

  test.each([
    ["null", null],
    ["undefined", undefined],
    ["a string", "entries"],
    ["a number", 1],
    ["a function", () => {}],
  ])("with a role that is %s", (_what, block) => {
    expectRefused({ roles: { user: {}, agent: block } }, '"agent"');
  });

  test.each([["null", null], ["a string", "x"]])(
    "with a shared block or a direction that is %s",
    (_what, block) => {
      if (block !== null) {
        expectRefused({ roles: { user: {} }, shared: block }, '"shared"');
      }
      for (const direction of ["clientToServer", "serverToClient"]) {
        if (block === null) continue;
        expectRefused({ roles: { user: { [direction]: block } } }, "user");
      }
    },
  );

  const noCalls: [what: string, entry: unknown][] = [
    ["null", null],
    ["undefined", undefined],
    ["a string", "x"],
    ["a number", 1],
    ["true", true],
    ["a schema", schema],
    ["a function", () => {}],
    ["an empty object", {}],
    ["an empty array", []],
    ["an output alone", { output: schema }],
    ["a payload", event],
    ["a topic", topic],
    ["an input and a payload", { input: schema, payload: schema }],
    ["an input and subscribe", { input: schema, subscribe: true }],
  ];
  test.each(noCalls)("with a client's entry that is %s", (_what, entry) => {
    expectRefused(calls("say", entry), "user.clientToServer.say");
    expectRefused(
      { roles: { user: {} }, shared: { clientToServer: { say: entry } } },
      "shared.clientToServer.say",
    );
  });

  const noMessages: [what: string, entry: unknown][] = [
    ["null", null],
    ["undefined", undefined],
    ["a string", "x"],
    ["a number", 1],
    ["a schema", schema],
    ["a function", () => {}],
    ["an empty object", {}],
    ["subscribe alone", { subscribe: true }],
    ["an input", signal],
    ["a payload and an input", { payload: schema, input: schema }],
    ["a payload and an output", { payload: schema, output: schema }],
    ["a payload and subscribe: 1", { payload: schema, subscribe: 1 }],
    ["a payload and subscribe: 'yes'", { payload: schema, subscribe: "yes" }],
    ["a payload and subscribe: 0", { payload: schema, subscribe: 0 }],
  ];
  test.each(noMessages)("with a server's entry that is %s", (_what, entry) => {
    expectRefused(messages("said", entry), "user.serverToClient.said");
    expectRefused(
      { roles: { user: {} }, shared: { serverToClient: { said: entry } } },
      "shared.serverToClient.said",
    );
  });

  const noSchemas: [what: string, given: unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a type", String],
    ["an example", { room: "lobby" }],
    ["a string", "string"],
    ["a validating function", (value: unknown) => typeof value === "string"],
    ["a standard without validate", { "~standard": { version: 1 } }],
    ["a standard that is null", { "~standard": null }],
    [
      "a standard whose validate is no function",
      { "~standard": { validate: 1 } },
    ],
  ];
  test.each(noSchemas)("with a schema that is %s", (_what, given) => {
    expectRefused(
      calls("say", { input: given }),
      "user.clientToServer.say.input",
    );
    expectRefused(
      calls("say", { input: schema, output: given }),
      "user.clientToServer.say.output",
    );
    expectRefused(
      messages("said", { payload: given }),
      "user.serverToClient.said.payload",
    );
    expectRefused(
      messages("said", { payload: given, subscribe: true }),
      "user.serverToClient.said.payload",
    );
    expectRefused(
      { roles: { user: {} }, serverToServer: { moved: given } },
      "serverToServer.moved",
    );
    if (given !== undefined) {
      expectRefused({ roles: { user: { data: given } } }, "user.data");
    }
  });

  const codec = { name: "x", encode: String, decode: String };
  test.each<[what: string, serializer: unknown]>([
    ["a string", "json"],
    ["a function", () => {}],
    ["an empty object", {}],
    ["without a name", { ...codec, name: undefined }],
    ["with an empty name", { ...codec, name: "" }],
    ["with too long a name", { ...codec, name: "x".repeat(257) }],
    ["with a name that is no string", { ...codec, name: 1 }],
    ["without encode", { ...codec, encode: undefined }],
    ["without decode", { ...codec, decode: "base64" }],
  ])("with a serializer %s", (_what, serializer) => {
    expectRefused({ roles: { user: {} }, serializer }, "serializer");
    define({ roles: { user: {} }, serializer: codec });
  });

  test("with null where a block, a direction or a serializer is optional", () => {
    expectRefused({ roles: { user: {} }, serializer: null }, "serializer");
    expectRefused({ roles: { user: {} }, shared: null }, "shared");
    expectRefused(
      { roles: { user: {} }, serverToServer: null },
      "serverToServer",
    );
    expectRefused({ roles: { user: { clientToServer: null } } }, "user");
    expectRefused({ roles: { user: { serverToClient: null } } }, "user");
  });
});

test("a contract is frozen, and keeps its definition", () => {
  const definition = { roles: { user: {} } };
  const contract = defineContract(definition);
  expect(Object.isFrozen(contract)).toBe(true);
  expect(contract.definition).toBe(definition);
});

test("no name is found on a prototype", () => {
  const { roles, shared, serverEvents } = define({ roles: { user: {} } });
  for (const name of ["constructor", "__proto__", "toString"]) {
    expect(roles.get(name)).toBeUndefined();
    expect(roles.get("user")?.calls.get(name)).toBeUndefined();
    expect(shared.events.get(name)).toBeUndefined();
    expect(serverEvents.get(name)).toBeUndefined();
  }
});

// --- Schema libraries, from a client to a handler and back ---------------------------------------------------------

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const library = {
  zod: () =>
    defineContract({
      roles: {
        user: {
          data: z.object({ theme: z.string().default("light") }),
          clientToServer: {
            book: {
              input: z.object({
                name: z.string().trim().min(1),
                seats: z.number().default(1),
              }),
              output: z.object({
                text: z.string(),
                at: z.number().default(7),
              }),
            },
          },
          serverToClient: {
            booked: {
              payload: z.object({
                text: z.string(),
                by: z.string().default("us"),
              }),
            },
          },
        },
      },
    }),
  valibot: () =>
    defineContract({
      roles: {
        user: {
          data: v.object({ theme: v.optional(v.string(), "light") }),
          clientToServer: {
            book: {
              input: v.object({
                name: v.pipe(v.string(), v.trim(), v.minLength(1)),
                seats: v.optional(v.number(), 1),
              }),
              output: v.object({
                text: v.string(),
                at: v.optional(v.number(), 7),
              }),
            },
          },
          serverToClient: {
            booked: {
              payload: v.object({
                text: v.string(),
                by: v.optional(v.string(), "us"),
              }),
            },
          },
        },
      },
    }),
  arktype: () =>
    defineContract({
      roles: {
        user: {
          data: type({ theme: "string = 'light'" }),
          clientToServer: {
            book: {
              input: type({
                name: type("string.trim").to("string >= 1"),
                seats: "number = 1",
              }),
              output: type({ "+": "delete", text: "string", at: "number = 7" }),
            },
          },
          serverToClient: {
            booked: {
              payload: type({
                "+": "delete",
                text: "string",
                by: "string = 'us'",
              }),
            },
          },
        },
      },
    }),
};

type Booking = ReturnType<typeof library.zod>["definition"];

describe("a contract made with", () => {
  test.each(["zod", "valibot", "arktype"] as const)(
    "%s validates, transforms and fills in both ways",
    async (vendor) => {
      // All three have zod's types, since each is asked for the same.
      const api = library[vendor]() as unknown as Contract<Booking>;
      const seen: unknown[] = [];
      const errors: unknown[] = [];
      const srv: SocketServer<Booking> = createSocketServer(api, {
        authenticate: () => ({ role: "user", data: {} }),
        onError: (error) => errors.push(error),
      }).implement({
        user: {
          book: (input, _ctx, conn) => {
            seen.push(input, conn.data);
            if (input.name === "nobody") return {} as { text: string };
            const text = `${input.name} × ${input.seats}`;
            conn.emit("booked", { text, secret: 1 } as { text: string });
            return { text, passwordHash: "x" } as { text: string };
          },
        },
      });
      ends.push(() => srv.close());
      const client = createClient(api, {
        url: "ws://app.test",
        role: "user",
        WebSocket: loopback(srv),
        validate: "inbound",
      });
      ends.push(() => client.close());
      const booked = new Promise((resolve) => client.on("booked", resolve));

      // Trimmed, filled in; what the handler has too much does not leave.
      expect(await client.book({ name: " ada " }))
        .toEqual({ text: "ada × 1", at: 7 });
      expect(seen).toEqual([{ name: "ada", seats: 1 }, { theme: "light" }]);
      expect(await booked).toEqual({ text: "ada × 1", by: "us" });

      // Refused before the handler sees it, with the place and the schema's own words.
      const wrong = { name: "ada", seats: "two" } as unknown as {
        name: string;
      };
      expect(await client.book(wrong).catch((error) => error)).toMatchObject({
        name: "SocketError",
        code: "VALIDATION",
        message: expect.stringContaining('"book"'),
        data: {
          issues: [{
            path: ["seats"],
            message: expect.stringContaining("number"),
          }],
        },
      });
      expect(await client.book({ name: "  " }).catch((error) => error))
        .toMatchObject({
          code: "VALIDATION",
          data: { issues: [{ path: ["name"] }] },
        });
      expect(seen).toHaveLength(2);

      // An answer that the schema refuses is the server's failure, and told there.
      expect(await client.book({ name: "nobody" }).catch((error) => error))
        .toMatchObject({ code: "INTERNAL", message: "The server failed" });
      expect(errors.map(String)).toEqual([
        expect.stringMatching(/^TypeError: .*"book".* text/),
      ]);
    },
  );
});

test("a topic's params, keep and snapshot are checked when the contract is defined", () => {
  const payload = z.string();
  const topic = (entry: object) => () =>
    defineContract({
      shared: {
        serverToClient: { t: { payload, subscribe: true, ...entry } as never },
      },
      roles: { user: {} },
    });
  const [least, most] = [{ last: 2 }, { last: 10_000, forMs: 86_400_000 }];
  expect(topic({ keep: least })().shared.topics.get("t")?.keep).toEqual({
    last: 2,
    forMs: 300_000,
  });
  expect(
    topic({ keep: most, snapshot: payload })().shared.topics.get("t")?.keep,
  )
    .toEqual(most);
  for (
    const [entry, type, says] of [
      [{ params: {} }, TypeError, "shared.serverToClient.t.params"],
      [{ keep: 5 }, TypeError, "t.keep"],
      [{ keep: null }, TypeError, "t.keep"],
      [{ keep: {} }, RangeError, "keep.last"],
      [{ keep: { last: 0 } }, RangeError, "from 1 to 10000"],
      [{ keep: { last: 10_001 } }, RangeError, "from 1 to 10000"],
      [{ keep: { last: 1.5 } }, RangeError, "whole number"],
      [{ keep: { last: 5, forMs: 999 } }, RangeError, "keep.forMs"],
      [{ keep: { last: 5, forMs: 86_400_001 } }, RangeError, "keep.forMs"],
      [{ snapshot: payload }, TypeError, "must have keep"],
      [{ keep: { last: 1 }, snapshot: payload }, TypeError, "last value"],
    ] as const
  ) {
    const error = thrown(topic(entry)) as Error;
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain(says);
  }
  for (const member of ["params", "keep", "snapshot"]) {
    const event = { payload, [member]: payload } as never;
    expect(() =>
      defineContract({
        shared: { serverToClient: { event } },
        roles: { user: {} },
      })
    ).toThrow(`an event has no "${member}"`);
  }
});
