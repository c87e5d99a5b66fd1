/**
 * What the library needs of a schema: the Standard Schema interface, version 1, and one way to run it.
 *
 * @module
 */

/** One thing a schema found wrong, and where. */
export interface Issue {
  /** What is wrong, in the schema library's words. */
  readonly message: string;
  /** The way from the value's root to the place, absent or empty for the root. */
  readonly path?:
    | ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>
    | undefined;
}

/** What a schema answers: a value, or issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<Issue> };

/**
 * Any Standard Schema (https://standardschema.dev): zod 4, Valibot, ArkType and others.
 *
 * Typed by structure, so no schema library is a dependency.
 */
export interface Schema<Input = unknown, Output = Input> {
  /** The members that the standard defines. */
  readonly "~standard": {
    /** The version of the standard. */
    readonly version: 1;
    /** The schema library's name. */
    readonly vendor: string;
    /** Checks and transforms a value. */
    readonly validate: (
      value: unknown,
    ) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Types only, never there at run time. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
  };
}

/** A schema with a second form for places that need its answer at once. */
export interface PreparedSchema extends Schema {
  /** Validates as `~standard` does; a promise means that the schema is asynchronous. */
  readonly synchronous?: Schema["~standard"];
}

// Read, not inferred: `S extends Schema<infer Input, infer Output>` holds each schema against a type of its own.
/** The type that a schema accepts. */
export type InferInput<S> = S extends Schema
  ? NonNullable<S["~standard"]["types"]>["input"]
  : never;

/** The type that a schema returns. */
export type InferOutput<S> = S extends Schema
  ? NonNullable<S["~standard"]["types"]>["output"]
  : never;

/**
 * A value that a schema of the contract returned. Only the contract knows its type, so that it is assignable to every
 * type, and the compiler can hold untyped code against the typed public interface.
 */
export type FromSchema = never;

/** A validated value, or why there is none. */
export type Validated<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: ReadonlyArray<Issue> };

/**
 * Runs a schema. Gives a promise only where the schema does, so that a synchronous schema is never awaited.
 *
 * @param schema The schema to run
 * @param value Anything
 * @returns The outcome as a value; what the schema itself throws is thrown on
 */
export function validate(
  schema: Schema,
  value: unknown,
): Validated | Promise<Validated> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(settle) : settle(result);
}

/**
 * Runs a schema that has to be synchronous.
 *
 * @param schema The schema to run
 * @param value Anything
 * @param name The entry's name, for an error
 * @param kind What the entry is, for an error, with a space behind it
 * @returns The outcome as a value
 * @throws {TypeError} When the schema answers with a promise
 */
export function validateSync(
  schema: Schema,
  value: unknown,
  name: string,
  kind = "",
): Validated {
  const { synchronous = schema["~standard"] } = schema as PreparedSchema; // absent on any other
  const result = synchronous.validate(value);
  if (result instanceof Promise) {
    result.catch(() => {}); // the TypeError below says more than its rejection would
    throw new TypeError(
      `Cannot validate ${kind}${
        JSON.stringify(name)
      }: its schema is asynchronous, must be synchronous, so that messages keep their order`,
    );
  }
  return settle(result);
}

function settle(result: SchemaResult<unknown>): Validated {
  return result.issues
    ? { ok: false, issues: result.issues }
    : { ok: true, value: result.value };
}

/** Tells whether a value has the shape of a Standard Schema. */
export function isSchema(value: unknown): value is Schema {
  // ArkType's schemas are functions.
  if (
    value === null || (typeof value !== "object" && typeof value !== "function")
  ) return false;
  const standard =
    (value as { "~standard"?: { validate?: unknown } })["~standard"]; // checked on the next line
  return typeof standard?.validate === "function";
}

/** The first issue in words. */
export function summary(issues: readonly Issue[]): string {
  const [issue] = issues;
  const path = issue && plainIssue(issue).path.join(".");
  const more = issues.length > 1 ? ` and ${issues.length - 1} more` : "";
  return `${path ? `${path}: ` : ""}${
    issue?.message ?? "no reason given"
  }${more}`;
}

/** How many issues are told: an input of a megabyte may have a hundred thousand. */
export const MAX_ISSUES = 20;

/** An issue as it crosses the wire. */
export function plainIssue(
  { message, path = [] }: Issue,
): { message: string; path: (string | number)[] } {
  const keys = path.map((part) => typeof part === "object" ? part.key : part);
  return {
    message,
    path: keys.map((key) => typeof key === "number" ? key : String(key)),
  };
}
