/** Which schemas have functions of the application, and that each function runs once, on the oldest and newest zod. */
import { describe, expect, test } from "bun:test";
import { type } from "arktype";
import process from "node:process";
import * as v from "valibot";
import * as newest from "zod";
import * as newestMini from "zod/mini";
import * as oldest from "zod40";
import * as oldestMini from "zod40/mini";
import {
  createSocketServer,
  defineContract,
  type Schema,
  type SocketError,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { loopback } from "@super-line/edge/testing";
import { validateSync } from "../src/contract/schema.ts";
import { prepare } from "../src/contract/user_code.ts";
import { rejection, thrown } from "./helpers/wait.ts";

// Both have all that is used here, with types of their own.
type Zod = typeof newest.z;
type Mini = typeof newestMini;
const zods: [string, Zod][] = [["zod 4.0.0", oldest.z as unknown as Zod], [
  "zod, newest",
  newest.z,
]];
const minis: [string, Mini][] = [
  ["zod/mini 4.0.0", oldestMini as unknown as Mini],
  ["zod/mini, newest", newestMini],
];

const yes = () => true;
const fine = (z: Zod): Record<string, Schema> => ({
  text: z.string().trim().min(2).toLowerCase(),
  "text in a format": z.union([z.email(), z.url(), z.uuid(), z.iso.datetime()]),
  object: z.object({ a: z.int(), b: z.array(z.string().optional()).max(3) }),
  "object with the rest": z.object({}).catchall(z.number()),
  "object, extended": z.looseObject({ a: z.string() }).partial().extend({
    c: z.bigint(),
  }),
  union: z.discriminatedUnion("t", [
    z.object({ t: z.literal("a") }),
    z.object({ t: z.enum(["b", "c"]) }),
  ]),
  tuple: z.tuple([z.string()]).rest(z.number().multipleOf(2)),
  record: z.record(z.string(), z.any()),
  collections: z.map(z.string(), z.set(z.date())),
  coerced: z.coerce.date(),
  defaults: z.object({
    a: z.string().default("x"),
    b: z.string().prefault(() => "x"),
    c: z.string().catch("x"),
  }),
  wrappers: z.nonoptional(z.string().nullish()).readonly(),
  intersection: z.object({ a: z.string() }).and(z.object({ b: z.null() })),
  lazy: z.lazy(() => z.json()),
  template: z.templateLiteral(["a", z.number()]),
  piped: z.string().pipe(z.coerce.number()),
  branded: z.string().brand("id"),
  "message of its own": z.string({ error: () => "no" }),
});
const running = (z: Zod): Record<string, Schema> => ({
  refine: z.string().refine(yes),
  superRefine: z.string().superRefine(() => {}),
  check: z.string().check(() => {}),
  transform: z.string().transform((it) => it),
  preprocess: z.preprocess((it) => it, z.string()),
  custom: z.custom(yes),
  instanceof: z.instanceof(Date),
  promise: z.promise(z.string()),
  "in an object": z.object({ a: z.array(z.string().refine(yes)) }),
  "on an object": z.object({}).refine(yes),
  "in a union": z.union([z.string(), z.number().refine(yes)]),
  "in a key": z.record(z.string().refine(yes), z.any()),
  "in the rest": z.object({}).catchall(z.string().refine(yes)),
  "in a tuple's rest": z.tuple([]).rest(z.string().transform((it) => it)),
  "in something lazy": z.lazy(() => z.string().refine(yes)),
  "in a property": z.string().check(
    z.property("length", z.number().refine(yes)),
  ),
  "in a default": z.string().refine(yes).default("x").optional(),
  "in collections": z.map(z.string(), z.set(z.string().refine(yes))),
  "in an intersection": z.object({}).and(z.object({ a: z.custom(yes) })),
});

for (const [name, z] of zods) {
  describe(name, () => {
    for (const [form, schema] of Object.entries(fine(z))) {
      test(`${form}: is used as it is`, () => {
        expect(prepare(schema)).toBe(schema);
      });
    }
    for (const [form, schema] of Object.entries(running(z))) {
      test(`${form}: runs the application's function`, () => {
        expect(prepare(schema)).not.toBe(schema);
      });
    }
  });
}

for (const [name, z] of minis) {
  test(`${name}: is told apart as well`, () => {
    const plain = z.object({
      a: z.string().check(z.minLength(2), z.trim()),
      b: z.optional(z._default(z.number(), 2)),
    });
    expect(prepare(plain)).toBe(plain);
    const forms = [
      z.string().check(z.refine(yes)),
      z.pipe(z.string(), z.transform((it) => it)),
      z.object({ a: z.custom(yes) }),
    ];
    for (const schema of forms) expect(prepare(schema)).not.toBe(schema);
  });
}

test("a recursive schema is told apart, also before its other half is there", () => {
  const { z } = newest;
  const tree: Schema = z.object({
    get children() {
      return z.array(tree as newest.ZodType);
    },
  });
  expect(prepare(tree)).toBe(tree);
  const early = z.lazy((): newest.ZodType => {
    throw new ReferenceError("not yet");
  });
  expect(prepare(early)).not.toBe(early);
});

/** Runs something, and gives the rejections that nobody caught. */
async function dangling(run: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const take = (error: unknown) => void seen.push(error);
  process.on("unhandledRejection", take);
  try {
    await run();
    // A rejection counts as unhandled after the microtasks of its turn.
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.off("unhandledRejection", take);
  }
  return seen;
}

type Fn = (value: never) => unknown;
const forms: [string, (fn: Fn) => Schema][] = [
  ...zods.flatMap(([name, z]): [string, (fn: Fn) => Schema][] => [
    [`${name}: refine`, (fn) => z.string().refine(fn as never)],
    [`${name}: check`, (fn) => z.string().check(fn as never)],
    [`${name}: transform`, (fn) => z.string().transform(fn as never)],
    [
      `${name}: deep`,
      (fn) => z.object({ a: z.array(z.string().refine(fn as never)) }),
    ],
  ]),
  ...minis.flatMap(([name, z]): [string, (fn: Fn) => Schema][] => [
    [`${name}: refine`, (fn) => z.string().check(z.refine(fn as never))],
    [
      `${name}: transform`,
      (fn) => z.pipe(z.string(), z.transform(fn as never)),
    ],
  ]),
];

for (const [name, of] of forms) {
  const input = name.endsWith("deep") ? { a: ["x"] } : "x";

  test(`${name}: a function that rejects runs once, and its rejection is the outcome`, async () => {
    let runs = 0;
    const schema = prepare(of(async () => {
      runs++;
      await Promise.resolve();
      throw new Error("database");
    }));
    const left = await dangling(async () => {
      const outcome = schema["~standard"].validate(input);
      expect(String(await rejection(Promise.resolve(outcome)))).toBe(
        "Error: database",
      );
      expect(runs).toBe(1);
      const sync = () => validateSync(schema, input, "it");
      expect(String(thrown(sync))).toContain("is asynchronous");
    });
    expect(left).toEqual([]);
  });

  test(`${name}: calls at once have their own outcomes`, async () => {
    const schema = prepare(of(async (it: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return it;
    }));
    const outcomes = await Promise.all(
      [input, 7, input].map((it) => schema["~standard"].validate(it)),
    );
    expect(outcomes.map(({ issues }) => issues !== undefined)).toEqual(
      [false, true, false],
    );
  });

  test(`${name}: a synchronous function answers at once and runs once`, () => {
    let runs = 0;
    const schema = prepare(of((it: unknown) => {
      runs++;
      return it;
    }));
    expect(validateSync(schema, input, "it").ok).toBe(true);
    expect(runs).toBe(1);
  });

  test(`${name}: a function that throws runs once`, async () => {
    let runs = 0;
    const schema = prepare(of(() => {
      runs++;
      throw new Error("database");
    }));
    const run = async () => await schema["~standard"].validate(input);
    expect(String(await rejection(run()))).toBe("Error: database");
    expect(runs).toBe(1);
  });
}

test("the messages and the locale are zod's own", async () => {
  const { z } = newest;
  const given = z.object({
    a: z.string().min(3).refine(() => false, "not it"),
  });
  const own = prepare(given)["~standard"].validate({ a: "x" });
  expect(own).toEqual(await given["~standard"].validate({ a: "x" }));
});

// --- Where the library does not wait for a function, nobody can catch its rejection ---------------------------------

const no = () => Promise.reject(new Error("lost"));
const asyncNo = async () => await no();
const lost: Record<string, Schema> = {
  "check": v.pipe(v.string(), v.check(asyncNo as never)) as Schema,
  "transform": v.objectAsync({
    a: v.array(v.pipe(v.string(), v.transform(asyncNo))),
  }) as Schema,
  "custom": v.variant("t", [
    v.object({ t: v.literal("a"), x: v.custom(asyncNo as never) }),
  ]) as Schema,
  "narrow": type({ a: type("string").narrow(asyncNo as never) }) as Schema,
  "pipe": type("string").pipe(asyncNo) as Schema,
  "overwrite": newest.object({
    a: newest.string().overwrite(asyncNo as never),
  }),
  "catch": newest.string().catch(asyncNo as never),
};
for (const [what, schema] of Object.entries(lost)) {
  test(`an async function in ${what}, which is not waited for, is refused`, () => {
    const define = () =>
      defineContract({
        roles: {
          user: {
            clientToServer: { ask: { input: schema, output: newest.any() } },
          },
        },
      } as never);
    const message = String(thrown(define));
    expect(message).toContain('"user.clientToServer.ask.input"');
    expect(message).toContain(`its ${what} has an async function`);
  });
}

test("Valibot's asynchronous API runs once, and its rejection is INTERNAL and told", async () => {
  let runs = 0;
  const checked = v.pipeAsync(
    v.string(),
    v.checkAsync(async (it) => {
      runs++;
      await Promise.resolve();
      if (it === "fail") throw new Error("database");
      return it !== "wrong";
    }),
  );
  const api = defineContract({
    roles: {
      user: {
        clientToServer: {
          ask: { input: checked, output: v.string() },
          answer: { input: v.string(), output: checked },
        },
      },
    },
  });
  const errors: string[] = [];
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    onError: (error) => void errors.push(String(error)),
  });
  srv.implement({ user: { ask: (it) => it, answer: (it) => it } });
  const left = await dangling(async () => {
    const client = createClient(api, {
      url: "ws://app.test",
      role: "user",
      WebSocket: loopback(srv),
    });
    expect(await client.ask("right")).toBe("right");
    expect(runs).toBe(1);
    const codes = await Promise.all(
      [client.ask("wrong"), client.ask("fail"), client.answer("fail")]
        .map(async (it) => ((await rejection(it)) as SocketError).code),
    );
    expect(codes).toEqual(["VALIDATION", "INTERNAL", "INTERNAL"]);
    expect(runs).toBe(4);
    client.close();
  });
  expect(left).toEqual([]);
  expect(errors).toEqual(["Error: database", "Error: database"]);
  await srv.close();
});
