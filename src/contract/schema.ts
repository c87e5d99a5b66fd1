/**
 * The Standard Schema interface, version 1, and functions that run a schema.
 *
 * @module
 */
import { quote } from "./names.ts";

/** One validation issue. */
export interface Issue {
  /** The issue in the schema library's words. */
  readonly message: string;
  /** The path from the root to the value; absent or empty for the root. */
  readonly path?:
    | ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>
    | undefined;
}

/** The result of a validation: a value, or issues. */
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
    /** Validates and transforms a value. */
    readonly validate: (
      value: unknown,
    ) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For types only; absent at run time. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
  };
}

/** A schema with a second form for callers that need the result synchronously. */
export interface PreparedSchema extends Schema {
  /** Validates as `~standard` does. Returning a promise means that the schema is asynchronous. */
  readonly synchronous?: Schema["~standard"];
}

/**
 * Everything but `null` and `undefined`: `T & Present` costs the compiler less than `NonNullable<T>`.
 *
 * @internal
 */
// deno-lint-ignore ban-types -- this is what the type means
export type Present = {};

// Read instead of inferred: `S extends Schema<infer Input, infer Output>` would compare each schema with a new type.
/** The input type of a schema. */
export type InferInput<S> = S extends Schema
  ? (S["~standard"]["types"] & Present)["input"]
  : never;

/** The output type of a schema. */
export type InferOutput<S> = S extends Schema
  ? (S["~standard"]["types"] & Present)["output"]
  : never;

/**
 * A value that a schema of the contract returned. Only the contract knows its type, so that it is assignable to every
 * type, and the compiler can hold untyped code against the typed public interface.
 */
export type FromSchema = never;

/** A validated value, or issues. */
export type Validated<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: ReadonlyArray<Issue> };

/**
 * Runs a schema. Returns a promise only if the schema does, so that a synchronous schema is never awaited.
 *
 * @param schema The schema
 * @param value Any value
 * @returns The outcome; errors that the schema throws are not caught
 */
export function validate(
  schema: Schema,
  value: unknown,
): Validated | Promise<Validated> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(settle) : settle(result);
}

/**
 * Runs a schema that must be synchronous.
 *
 * @param schema The schema
 * @param value Any value
 * @param name The entry's name, for an error message
 * @param kind The kind of entry, for an error message, followed by a space
 * @returns The outcome
 * @throws {TypeError} If the schema returns a promise
 */
export function validateSync(
  schema: Schema,
  value: unknown,
  name: string,
  kind = "",
): Validated {
  const { synchronous = schema["~standard"] } = schema as PreparedSchema; // other schemas do not have it
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

/** Tells whether a value is a Standard Schema. */
export function isSchema(value: unknown): value is Schema {
  // schemas of ArkType are functions
  if (
    value === null || (typeof value !== "object" && typeof value !== "function")
  ) return false;
  const standard =
    (value as { "~standard"?: { validate?: unknown } })["~standard"]; // checked on the next line
  return typeof standard?.validate === "function";
}

/** Summarizes issues: the first one in words, and the number of the others. */
export function summary(issues: readonly Issue[]): string {
  const [issue] = issues;
  const path = issue && plainIssue(issue).path.join(".");
  const more = issues.length > 1 ? ` and ${issues.length - 1} more` : "";
  return `${path ? `${path}: ` : ""}${
    issue?.message ?? "no reason given"
  }${more}`;
}

/**
 * Creates the error for a value of the application's that its schema refused.
 *
 * @param action What cannot be done, such as `send`
 * @param entry The entry's name, with its block where there is one
 * @param what What was refused, such as `the payload`
 */
export function schemaError(
  action: string,
  entry: string,
  what: string,
  issues: readonly Issue[],
): TypeError {
  return new TypeError(
    `Cannot ${action} ${quote(entry)}: its schema refused ${what}: ${
      summary(issues)
    }`,
    { cause: { issues } },
  );
}

/** The most issues sent to a caller: a megabyte of input can have a hundred thousand. */
export const MAX_ISSUES = 20;

/** Converts an issue to its form on the wire. */
export function plainIssue(
  { message, path = [] }: Issue,
): { message: string; path: (string | number)[] } {
  const keys = path.map((part) => typeof part === "object" ? part.key : part);
  return {
    message,
    path: keys.map((key) => typeof key === "number" ? key : String(key)),
  };
}
