/**
 * Defines contracts: checks a definition once, and compiles it into one look-up table for each role.
 *
 * @module
 */
import type { Carried } from "./json_check.ts";
import type { KnownKeys } from "./key_check.ts";
import type {
  ContractDefinition,
  RoleDefinition,
  SurfaceDefinition,
  TopicEntry,
} from "./types.ts";
import { checkKeys } from "./check_options.ts";
import { NAME_RULE, nameFlaw, quote } from "./names.ts";
import type { ErrorCode } from "../wire/errors.ts";
import type { Fields } from "../wire/protocol.ts";
import { isSchema, type Schema } from "./schema.ts";
import { findLostAsync, prepare } from "./user_code.ts";
import type { Serializer } from "../wire/serializer.ts";

/** A compiled request or signal of a role, or a question to its clients. */
export interface Call {
  /** The name in the contract. */
  readonly name: string;
  /** The block that declares it: `shared` or the role. */
  readonly block: string;
  /** The schema of the input. */
  readonly input: Schema;
  /** The schema of the output; absent for a signal. */
  readonly output?: Schema;
  /** The schema of each item of a streamed answer; absent for any other. */
  readonly yields?: Schema;
  /** The schema of each declared failure's data, by code; absent where none is declared. */
  readonly errors?: ReadonlyMap<string, Schema>;
}

/** A compiled question, to a client or between nodes. */
export interface Question extends Call {
  /** The schema of the answer. */
  readonly output: Schema;
}

/** A compiled event or topic of a role. */
export interface Message {
  /** The name in the contract. */
  readonly name: string;
  /** The block that declares it: `shared` or the role. */
  readonly block: string;
  /** The schema of the payload. */
  readonly payload: Schema;
  /** The frame's fields before the payload. */
  readonly fields: readonly [tag: string, ...unknown[]];
}

/** How much of a topic is kept. */
export interface Keep {
  /** How many messages, 1 to 10 000; 1 is a last value. */
  readonly last: number;
  /** How long each of them, in milliseconds. */
  readonly forMs: number;
}

/** A compiled topic of a role. */
export interface Topic extends Message {
  /** The schema of its parameters; absent for a topic without. */
  readonly params?: Schema;
  /** What is kept of it; absent for a topic of which nothing is. */
  readonly keep?: Keep;
  /** The schema of its snapshots. */
  readonly snapshot?: Schema;
}

/** Everything that one role sees, or everything that is shared. Maps, so that no name is found on a prototype. */
export interface Surface {
  /** Requests and signals by name. */
  readonly calls: ReadonlyMap<string, Call>;
  /** Events by name. */
  readonly events: ReadonlyMap<string, Message>;
  /** Topics by name. */
  readonly topics: ReadonlyMap<string, Topic>;
  /** Questions to the role's clients by name. */
  readonly questions: ReadonlyMap<string, Question>;
  /** The schema of `conn.data`. */
  readonly data?: Schema;
}

/** A defined contract, for `createSocketServer` and `createClient`. */
export interface Contract<C extends ContractDefinition = ContractDefinition> {
  /** The definition. */
  readonly definition: C;
  /** The entries shared by all roles. */
  readonly shared: Surface;
  /** The entries of each role, the shared ones included. */
  readonly roles: ReadonlyMap<string, Surface>;
  /** The schemas of server events. */
  readonly serverEvents: ReadonlyMap<string, Schema>;
  /** The questions between nodes. Their block is `serverToServer`. */
  readonly serverQuestions: ReadonlyMap<string, Question>;
  /** The serializer; absent for JSON. */
  readonly serializer?: Serializer;
}

/**
 * The definition of a contract, as the base of an interface that gives it a name: `interface Api extends
 * DefinitionOf<typeof contract> {}`. Hovers and error messages then print `Api` instead of the whole contract.
 *
 * @example Name a contract
 * ```ts
 * import { z } from "zod";
 * import { type Contract, defineContract, type DefinitionOf } from "@super-line/edge";
 *
 * const contract = defineContract({
 *   roles: { user: { clientToServer: { greet: { input: z.string(), output: z.string() } } } },
 * });
 * export interface Api extends DefinitionOf<typeof contract> {}
 * export const api: Contract<Api> = contract;
 * ```
 */
export type DefinitionOf<
  T extends { readonly definition: ContractDefinition },
> = T["definition"];

/**
 * Defines a contract: what clients may ask, what the server may send, and to which role.
 *
 * The definition is checked at once. Under JSON an entry whose type JSON would change (`Date`, `Map`, `bigint`)
 * does not compile; with a `serializer` that is the serializer's matter.
 *
 * @param definition The blocks: `shared`, `roles`, `serverToServer`, and optionally a `serializer`
 * @returns The contract, frozen
 * @throws {TypeError} When an entry is malformed or a name is not allowed; the message names it
 *
 * @example A request and an event
 * ```ts
 * import { z } from "zod";
 * import { defineContract } from "@super-line/edge";
 *
 * export const api = defineContract({
 *   shared: {
 *     clientToServer: { say: { input: z.string(), output: z.object({ id: z.string() }) } },
 *     serverToClient: { said: { payload: z.object({ text: z.string() }) } },
 *   },
 *   roles: { user: {} },
 * });
 * ```
 */
export function defineContract<const C extends ContractDefinition>(
  definition: C & KnownKeys<C> & Carried<C>,
): Contract<C> {
  const given: ContractDefinition = definition;
  if (
    given === null || typeof given !== "object" || given.roles === null ||
    typeof given.roles !== "object"
  ) {
    throw new TypeError(
      "Cannot define the contract: it has no roles, must be { roles: { … } }",
    );
  }
  checkKeys(DEFINE, "member", given, "shared roles serverToServer serializer");
  const shared = compile(
    "shared",
    given.shared === undefined ? {} : given.shared,
    undefined,
  );
  const roles = new Map<string, Surface>();
  for (const [role, block] of Object.entries(given.roles)) {
    checkName("role", role);
    if (role === "shared") {
      throw new TypeError(
        'Cannot define role "shared": the name stands for what all roles have, must be another',
      );
    }
    roles.set(role, compile(role, block, shared));
  }
  if (roles.size === 0) {
    throw new TypeError(
      "Cannot define the contract: it has 0 roles, must be at least 1",
    );
  }

  const serverEvents = new Map<string, Schema>();
  const serverQuestions = new Map<string, Question>();
  const block = "serverToServer";
  for (const [name, entry] of entriesOf(block, given.serverToServer)) {
    checkName("server event", name);
    const path = `${block}.${name}`;
    if (isObject(entry) && !isSchema(entry) && "input" in entry) {
      serverQuestions.set(name, question(name, block, path, entry));
    } else serverEvents.set(name, checkSchema(path, entry));
  }
  return Object.freeze({
    definition,
    shared,
    roles,
    serverEvents,
    serverQuestions,
    ...(given.serializer !== undefined &&
      { serializer: checkSerializer(given.serializer) }),
  });
}

function compile(
  block: string,
  given: RoleDefinition & SurfaceDefinition,
  shared: Surface | undefined,
): Surface {
  if (!isObject(given)) throw noEntries(block, given);
  if ("serverToServer" in given) {
    throw new TypeError(
      `Cannot define ${
        quote(`${block}.serverToServer`)
      }: nodes have no role, must be at the top level, beside roles`,
    );
  }
  checkKeys(DEFINE, "member", given, BLOCK_KEYS, block);
  const calls = new Map(shared?.calls);
  const events = new Map(shared?.events);
  const topics = new Map(shared?.topics);
  const questions = new Map(shared?.questions);
  const fromClient = `${block}.clientToServer`;
  for (const [name, entry] of entriesOf(fromClient, given.clientToServer)) {
    const path = `${fromClient}.${name}`;
    checkName("entry", name, path);
    checkMethodName(name, path);
    if (calls.has(name)) throw doubled(name, block);
    if (
      !isObject(entry) || !("input" in entry) || "payload" in entry ||
      "subscribe" in entry
    ) {
      throw new TypeError(
        `Cannot define ${
          quote(path)
        }: it is no kind of entry, must be { input, output } (request), { input, yields } (stream) or { input } (signal)`,
      );
    }
    checkKeys(DEFINE, "member", entry, CALL_KEYS, path);
    const input = checkSchema(`${path}.input`, entry.input);
    const answer = "yields" in entry
      ? {
        yields: checkSchema(`${path}.yields`, entry.yields),
        output: entry.output === undefined
          ? NOTHING
          : checkSchema(`${path}.output`, entry.output),
      }
      : "output" in entry
      ? { output: checkSchema(`${path}.output`, entry.output) }
      : undefined;
    const errors = checkErrors(path, entry, answer !== undefined);
    calls.set(name, { name, block, input, ...answer, ...errors });
  }
  const fromServer = `${block}.serverToClient`;
  for (const [name, entry] of entriesOf(fromServer, given.serverToClient)) {
    const path = `${fromServer}.${name}`;
    checkName("entry", name, path);
    if (events.has(name) || topics.has(name) || questions.has(name)) {
      throw doubled(name, block);
    }
    if (
      isObject(entry) && "input" in entry && "output" in entry &&
      !("payload" in entry || "subscribe" in entry)
    ) {
      questions.set(name, question(name, block, path, entry));
      continue;
    }
    const subscribe = isObject(entry)
      ? (entry as { subscribe?: unknown }).subscribe
      : undefined; // can be anything
    if (
      !isObject(entry) || !("payload" in entry) || "input" in entry ||
      "output" in entry ||
      (subscribe ?? false) !== Boolean(subscribe)
    ) {
      throw new TypeError(
        `Cannot define ${
          quote(path)
        }: it is no kind of entry, must be { payload } (event), { payload, subscribe: true } (topic) or { input, output } (question)`,
      );
    }
    checkKeys(DEFINE, "member", entry, MESSAGE_KEYS, path);
    const payload = checkSchema(`${path}.payload`, entry.payload);
    if (!subscribe) {
      for (const member of ["params", "keep", "snapshot"]) {
        if (!(member in entry)) continue;
        throw new TypeError(
          `Cannot define ${quote(path)}: an event has no ${
            quote(member)
          }, must be a topic (subscribe: true)`,
        );
      }
      events.set(name, { name, block, payload, fields: ["evt", name] });
      continue;
    }
    const topic = compileTopic(path, entry as TopicEntry); // its payload and `subscribe` were checked
    const fields: Fields = ["pub", topic.keep ? [name, null] : name];
    topics.set(name, { name, block, payload, fields, ...topic });
  }
  const data = given.data === undefined
    ? undefined
    : { data: checkSchema(`${block}.data`, given.data) };
  return { calls, events, topics, questions, ...data };
}

const DEFINE = "define the contract";
const BLOCK_KEYS = "clientToServer serverToClient data";
const CALL_KEYS = "input output yields errors";
const MESSAGE_KEYS = "payload subscribe params keep snapshot";

/** The bounds of `keep`, as `[least, most]`. */
const KEEP_BOUNDS = { last: [1, 10_000], forMs: [1_000, 86_400_000] } as const;

function compileTopic(
  path: string,
  { params, keep, snapshot }: TopicEntry,
): Pick<Topic, "params" | "keep" | "snapshot"> {
  const topic = {
    ...(params !== undefined &&
      { params: checkSchema(`${path}.params`, params) }),
    ...(snapshot !== undefined &&
      { snapshot: checkSchema(`${path}.snapshot`, snapshot) }),
  };
  if (keep === undefined) {
    if (snapshot === undefined) return topic;
    throw new TypeError(
      `Cannot define ${
        quote(`${path}.snapshot`)
      }: the topic is not kept, must have keep: { last }`,
    );
  }
  if (!isObject(keep)) {
    throw new TypeError(
      `Cannot define ${
        quote(`${path}.keep`)
      }: it is no object, must be { last, forMs? }`,
    );
  }
  const { last, forMs = 300_000 } = keep;
  for (const [name, value] of Object.entries({ last, forMs })) {
    const [least, most] = KEEP_BOUNDS[name as keyof typeof KEEP_BOUNDS]; // its own two keys
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new RangeError(
      `Cannot define ${
        quote(`${path}.keep.${name}`)
      }: it is ${value}, must be a whole number from ${least} to ${most}`,
    );
  }
  if (last === 1 && snapshot !== undefined) {
    throw new TypeError(
      `Cannot define ${
        quote(`${path}.snapshot`)
      }: a topic with keep: { last: 1 } delivers its last value instead, must have last of at least 2`,
    );
  }
  return { ...topic, keep: { last, forMs } };
}

function question(
  name: string,
  block: string,
  path: string,
  entry: { readonly input: Schema; readonly output: Schema },
): Question {
  const input = checkSchema(`${path}.input`, entry.input);
  const output = checkSchema(`${path}.output`, entry.output);
  if ("yields" in entry) {
    throw new TypeError(
      `Cannot define ${
        quote(`${path}.yields`)
      }: a question is answered once, must be a request of a client`,
    );
  }
  return { name, block, input, output, ...checkErrors(path, entry, true) };
}

/** All of {@linkcode ErrorCode}: a contract cannot declare them as its own. */
export const LIBRARY_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "BAD_REQUEST",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_FOUND",
  "VALIDATION",
  "TIMEOUT",
  "DISCONNECTED",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "INTERNAL",
]);

/** The output of a stream that has none. */
const NOTHING: Schema = {
  "~standard": {
    version: 1,
    vendor: "super-line",
    validate: () => ({ value: undefined }),
  },
};

function checkErrors(
  path: string,
  entry: object,
  isAnswered: boolean,
): Pick<Call, "errors"> | undefined {
  const { errors } = entry as { readonly errors?: unknown }; // a signal has none in its type
  if (errors === undefined) return undefined;
  if (!isAnswered) {
    throw new TypeError(
      `Cannot define ${
        quote(`${path}.errors`)
      }: a signal is not answered, must be a request with an output`,
    );
  }
  if (!isObject(errors)) throw noEntries(`${path}.errors`, errors);
  const found = new Map<string, Schema>();
  for (const [code, schema] of Object.entries(errors)) {
    const where = `${path}.errors.${code}`;
    checkName("error", code, where);
    if (LIBRARY_CODES.has(code)) {
      throw new TypeError(
        `Cannot define ${
          quote(where)
        }: the code is one of the library's, must be another`,
      );
    }
    found.set(code, checkSchema(where, schema));
  }
  return { errors: found };
}

function entriesOf<T>(
  path: string,
  given: Readonly<Record<string, T>> | undefined,
): [string, T][] {
  if (given !== undefined && !isObject(given)) throw noEntries(path, given);
  return Object.entries(given ?? {});
}

/** Names that a client has as members, or may have in the future. */
const CLIENT_MEMBERS = new Set(
  "on request emit call close subscribe implement room ready role id state status then toJSON"
    .split(" "),
);

function checkMethodName(name: string, path: string): void {
  const why = CLIENT_MEMBERS.has(name) || name in Object.prototype
    ? "a client has a member of that name"
    : /^[$_]/.test(name)
    ? `names with "${name[0]}" in front are the client's own`
    : /^on\p{Lu}/u.test(name)
    ? 'names of the form "onEvent" are the client\'s own'
    : undefined;
  if (why) {
    throw new TypeError(
      `Cannot define ${quote(path)}: ${why}, must be another name`,
    );
  }
}

function checkName(kind: string, name: string, path = name): void {
  const flaw = nameFlaw(name);
  if (flaw) {
    throw new TypeError(
      `Cannot define ${kind} ${quote(path)}: ${flaw}, must be ${NAME_RULE}`,
    );
  }
}

function checkSchema(path: string, schema: unknown): Schema {
  if (!isSchema(schema)) {
    throw new TypeError(
      `Cannot define ${
        quote(path)
      }: it is no schema, must be a Standard Schema such as zod 4, Valibot or ArkType make`,
    );
  }
  const lost = findLostAsync(schema);
  if (lost === undefined) return prepare(schema);
  throw new TypeError(
    `Cannot define ${
      quote(path)
    }: its ${lost} has an async function that the schema library does not wait for, must be synchronous or of the library's asynchronous API`,
  );
}

function checkSerializer(serializer: Serializer): Serializer {
  const { name, encode, decode } = serializer ?? {};
  if (
    typeof name === "string" && !nameFlaw(name) &&
    typeof encode === "function" && typeof decode === "function"
  ) {
    return serializer;
  }
  throw new TypeError(
    "Cannot define the serializer: a member is missing, must be { name, encode, decode }",
  );
}

function noEntries(path: string, given: unknown): TypeError {
  return new TypeError(
    `Cannot define ${quote(path)}: it is ${
      given === null ? "null" : typeof given
    }, must be an object of entries`,
  );
}

function doubled(name: string, block: string): TypeError {
  return new TypeError(
    `Cannot define ${
      quote(`${block}.${name}`)
    }: "shared" has it already, must be in one of the two`,
  );
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === "object";
}
