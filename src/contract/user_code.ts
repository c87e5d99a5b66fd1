/**
 * Schemas that run functions of the application: found when a contract is defined, and run once a message.
 *
 * zod's `~standard.validate` tries a schema synchronously and starts again when a function returned a promise. The
 * first promise is dropped: when it rejects, most runtimes end the process (docs/decisions/0021).
 *
 * @module
 */
import type { PreparedSchema, Schema } from "./schema.ts";

/** What is used of a schema, or of a check, as zod 4 and zod/mini make them. */
interface ZodLike {
  readonly _zod: {
    readonly def: Readonly<Record<string, unknown>>;
    run: Run;
  };
  clone?(): ZodLike & Schema;
}

/** Runs a zod schema. `async: false` throws where a function returned a promise. */
type Run = (payload: unknown, ctx: { readonly async?: boolean }) => unknown;

/**
 * Prepares a schema, once, so that no message runs its functions twice.
 *
 * @param schema Any schema
 * @returns The schema itself when it has no functions of the application, or is not of zod's shape
 */
export function prepare(schema: Schema): PreparedSchema {
  if (!isZodLike(schema)) return schema;
  try {
    if (!hasUserCode(schema, new Set())) return schema;
  } catch {
    // A recursive schema whose other half is not defined yet is treated as one with functions.
  }
  const async = runOnce(schema, { async: true });
  // `{ async: true }` makes promises of zod/mini's synchronous transforms, which `{}` does not.
  const sync = runOnce(schema, {});
  if (!async || !sync) return schema;
  // With `{}` zod/mini drops the promise of an asynchronous transform, so that one is not run at all.
  const synchronous = hasAsyncTransform(schema, new Set())
    ? { ...sync, validate: () => Promise.resolve({ issues: [] }) }
    : sync;
  return { "~standard": async, synchronous };
}

/**
 * Makes a twin of a schema that runs the original once: zod asks the twin first synchronously and then, in the same
 * turn, asynchronously. It gets the same outcome both times, and makes of it the answer with its own messages.
 */
function runOnce(
  schema: ZodLike,
  ctx: { readonly async?: boolean },
): Schema["~standard"] | undefined {
  const twin = schema.clone?.();
  if (!twin) return undefined;
  let again: { run(): unknown } | undefined;
  twin._zod.run = (payload, { async }) => {
    const known = again;
    again = undefined;
    if (async && known) return known.run();
    let outcome: unknown;
    try {
      outcome = schema._zod.run(payload, ctx);
    } catch (error) {
      // Thrown again, not run again.
      again = { run: () => Promise.reject(error) };
      throw error;
    }
    if (outcome instanceof Promise) again = { run: () => outcome };
    return outcome;
  };
  return twin["~standard"];
}

/** Types of zod's that run nothing but zod's own code, and what their parts bring. */
const PURE_TYPES = new Set(
  ("string number int boolean bigint symbol null undefined void never any unknown date nan literal enum file " +
    "object array tuple record map set union intersection optional nullable nonoptional default prefault success " +
    "catch pipe readonly lazy template_literal").split(" "),
);

/** Functions that zod calls and does not await, none of which decides whether a schema is asynchronous. */
const SYNCHRONOUS = new Set(["error", "when", "tx", "catchValue", "getter"]);

/** Tells whether a schema, or anything in it, calls a function that may return a promise. */
function hasUserCode(it: ZodLike, seen: Set<unknown>): boolean {
  if (seen.has(it)) return false;
  seen.add(it);
  const { def } = it._zod;
  const known = typeof def["check"] === "string"
    ? def["check"] !== "custom" &&
      (def["type"] === undefined || isPure(def["type"]))
    : isPure(def["type"]);
  if (!known) return true;
  for (const part of partsOf(def)) {
    if (part === "function" || isZodLike(part) && hasUserCode(part, seen)) {
      return true;
    }
  }
  return false;
}

function hasAsyncTransform(it: ZodLike, seen: Set<unknown>): boolean {
  if (seen.has(it)) return false;
  seen.add(it);
  const { def } = it._zod;
  if (isAsync(def["transform"])) return true;
  try {
    return [...partsOf(def)].some((part) =>
      isZodLike(part) && hasAsyncTransform(part, seen)
    );
  } catch {
    return false; // the other half of a recursive schema is not defined yet
  }
}

function isPure(type: unknown): boolean {
  return PURE_TYPES.has(type as string); // a Set takes anything
}

/** The schemas and checks in a definition, and "function" for each function that may be asynchronous. */
function* partsOf(def: ZodLike["_zod"]["def"]): Iterable<unknown> {
  for (const key of Object.keys(def)) {
    if (key === "defaultValue") continue; // may be a getter that runs the application's function
    const value = def[key];
    if (typeof value === "function") {
      if (key === "getter") yield value();
      else if (!SYNCHRONOUS.has(key)) yield "function";
    } else if (isZodLike(value)) yield value;
    else if (typeof value === "object" && value !== null) {
      if (Array.isArray(value) || key === "shape") yield* Object.values(value);
    }
  }
}

function isZodLike(value: unknown): value is ZodLike {
  const internals = (value as { _zod?: ZodLike["_zod"] } | null | undefined)
    ?._zod;
  return typeof internals === "object" && typeof internals.def === "object";
}

/**
 * Finds an `async` function where its schema library calls it and does not wait: nobody could catch its rejection.
 *
 * @param schema Any schema
 * @returns What the function is for, such as `check`; `undefined` when there is none, or none that can be seen
 */
export function findLostAsync(schema: unknown): string | undefined {
  return lostAsync(schema, new Set());
}

function lostAsync(it: unknown, seen: Set<unknown>): string | undefined {
  if (
    it === null || typeof it !== "object" && typeof it !== "function" ||
    seen.has(it)
  ) return undefined;
  seen.add(it);
  const { _zod, kind, async, references } = it as Record<string, unknown>; // any of them may be absent
  if (isZodLike(it)) return lostInZod((_zod as ZodLike["_zod"]).def, seen);
  if (typeof kind === "string" && typeof async === "boolean") {
    return lostInValibot(it, async, seen);
  }
  if (Array.isArray(references)) {
    for (const { inner } of references) {
      if (isAsync(inner?.predicate)) return "narrow";
      if (inner?.morphs?.some?.(isAsync)) return "pipe";
    }
  }
  return undefined;
}

function lostInZod(
  def: ZodLike["_zod"]["def"],
  seen: Set<unknown>,
): string | undefined {
  if (isAsync(def["tx"])) return "overwrite";
  if (isAsync(def["catchValue"])) return "catch";
  try {
    return firstOf(partsOf(def), seen);
  } catch {
    return undefined; // the other half of a recursive schema is not defined yet
  }
}

function lostInValibot(
  it: object,
  async: boolean,
  seen: Set<unknown>,
): string | undefined {
  for (const [key, value] of Object.entries(it)) {
    if (!async && isAsync(value)) return (it as { type?: string }).type ?? key;
    const found = typeof value === "object" && value !== null &&
      firstOf(
        "kind" in value ? [value] : Object.values(value),
        seen,
      );
    if (found) return found;
  }
  return undefined;
}

function firstOf(
  parts: Iterable<unknown>,
  seen: Set<unknown>,
): string | undefined {
  for (const part of parts) {
    const found = lostAsync(part, seen);
    if (found) return found;
  }
  return undefined;
}

function isAsync(value: unknown): boolean {
  return typeof value === "function" &&
    Object.prototype.toString.call(value) === "[object AsyncFunction]";
}
