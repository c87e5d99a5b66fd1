/**
 * Types derived from a contract. No code runs here.
 *
 * @module
 */
import type { InferInput, InferOutput, Present, Schema } from "./schema.ts";
import type { ErrorCode, SocketError } from "../wire/errors.ts";
import type { Serializer } from "../wire/serializer.ts";

/** A call that is answered: a client's request, the server's question to a client, or a node's to the others. */
export interface RequestEntry {
  /** What is asked. */
  readonly input: Schema;
  /** What is answered. */
  readonly output: Schema;
  /** The failures that it answers with beside the library's own: the schema of each one's data, by code. */
  readonly errors?: Readonly<Record<string, Schema>>;
}

/** A client's request that is answered with several items, one after another. */
export interface StreamEntry {
  /** What is asked. */
  readonly input: Schema;
  /** Each item of the answer. */
  readonly yields: Schema;
  /** What is answered in the end; nothing when left out. */
  readonly output?: Schema;
  /** As those of a {@linkcode RequestEntry}. */
  readonly errors?: Readonly<Record<string, Schema>>;
}

/** A call that is not answered. */
export interface SignalEntry {
  /** What the client sends. */
  readonly input: Schema;
}

/** A message for whom the server picks. */
export interface EventEntry {
  /** What the server sends. */
  readonly payload: Schema;
  /** Left out: clients cannot subscribe to an event. */
  readonly subscribe?: false;
}

/** How much of a topic is kept for subscribers that were away. */
export interface KeepDefinition {
  /**
   * How many messages are kept, 1 to 10 000. With 1 the topic is a last value: the newest message is delivered on
   * subscribe and after a reconnect, and messages in between may be skipped.
   */
  readonly last: number;
  /**
   * How long a message is kept, in milliseconds, 1 000 to 86 400 000.
   *
   * @default {300_000}
   */
  readonly forMs?: number;
}

/** A message for whoever subscribed. */
export interface TopicEntry {
  /** What the server publishes. */
  readonly payload: Schema;
  /** What makes it a topic. */
  readonly subscribe: true;
  /** The parameters that tell its channels apart: a flat object of strings, finite numbers and booleans. */
  readonly params?: Schema;
  /** Makes it a kept topic. */
  readonly keep?: KeepDefinition;
  /** What a snapshot of a kept topic is. */
  readonly snapshot?: Schema;
}

/** The entries of one block, by direction. */
export interface SurfaceDefinition {
  /** Requests (`input` and `output`), streams (with `yields`) and signals (`input` alone). */
  readonly clientToServer?: Readonly<
    Record<string, RequestEntry | StreamEntry | SignalEntry>
  >;
  /** Events (`payload`), topics (`payload` and `subscribe: true`) and questions (`input` and `output`). */
  readonly serverToClient?: Readonly<
    Record<string, EventEntry | TopicEntry | RequestEntry>
  >;
}

/** One role's own entries. */
export interface RoleDefinition extends SurfaceDefinition {
  /** The schema of `conn.data`, which `authenticate` returns for this role. */
  readonly data?: Schema;
}

/** What {@linkcode defineContract} takes. */
export interface ContractDefinition {
  /** What every role has. */
  readonly shared?: SurfaceDefinition;
  /** What each role has beside that. */
  readonly roles: Readonly<Record<string, RoleDefinition>>;
  /** Between nodes, where no client sees it: events (a schema) and questions (`input` and `output`). */
  readonly serverToServer?: Readonly<Record<string, Schema | RequestEntry>>;
  /** How payloads become text or bytes; JSON when left out. */
  readonly serializer?: Serializer;
}

/*
 * The compiler prints a union under the name of the alias that made it, with the whole contract as its argument. Every
 * alias of names therefore ends in `keyof` of an anonymous mapped type: that is printed as the names themselves.
 */

/** The names of a contract's roles. */
export type RoleName<C extends ContractDefinition> = keyof {
  [R in keyof C["roles"] as R & string]: 1;
};

/**
 * No entries.
 *
 * @internal
 */
export type None = Record<never, never>;
/**
 * Who sends.
 *
 * @internal
 */
export type Direction = "clientToServer" | "serverToClient";
/**
 * The names of a contract's blocks.
 *
 * @internal
 */
export type BlockName<C extends ContractDefinition> = "shared" | RoleName<C>;
/**
 * One block of a definition.
 *
 * @internal
 */
export type Block<C extends ContractDefinition, B> = B extends "shared"
  ? C["shared"]
  : B extends keyof C["roles"] ? C["roles"][B]
  : never;
/**
 * The entries of a block in one direction.
 *
 * @internal
 */
export type EntriesOf<S, D extends Direction> = S extends
  { readonly [K in D]: infer E } ? E : None;

/**
 * The entries of one block, `shared` or a role, in one direction.
 *
 * @internal
 */
export type OwnEntries<
  C extends ContractDefinition,
  B extends BlockName<C>,
  D extends Direction,
> = EntriesOf<
  Block<C, B>,
  D
>;

/**
 * All that a role sees in one direction: the shared entries and its own. Of several roles, what they have in common.
 *
 * @internal
 */
export type RoleEntries<
  C extends ContractDefinition,
  R extends RoleName<C>,
  D extends Direction,
> = R extends unknown ? OwnEntries<C, "shared", D> & OwnEntries<C, R, D>
  : never;

/**
 * The names of the topics among entries.
 *
 * @internal
 */
export type TopicKeys<E> = keyof {
  [
    K in keyof E as E[K] extends { readonly subscribe: true } ? K & string
      : never
  ]: 1;
};
/**
 * The names of the events among entries.
 *
 * @internal
 */
export type EventKeys<E> = keyof {
  [
    K in keyof E as E[K] extends
      { readonly subscribe: true } | { readonly output: unknown } ? never
      : K & string
  ]: 1;
};
/**
 * The names of the questions among entries.
 *
 * @internal
 */
export type QuestionKeys<E> = keyof {
  [
    K in keyof E as E[K] extends { readonly output: unknown } ? K & string
      : never
  ]: 1;
};
/**
 * What a payload's schema accepts.
 *
 * @internal
 */
export type PayloadInput<E, K extends keyof E> = E[K] extends
  { readonly payload: infer S } ? InferInput<S> : never;
/** What a payload's schema returns. */
export type PayloadOutput<E, K extends keyof E> = E[K] extends
  { readonly payload: infer S } ? InferOutput<S> : never;

/**
 * The parameters that a caller passes for a topic; `undefined` where it has none.
 *
 * @internal
 */
export type ParamsIn<E> = E extends { readonly params: infer S } ? InferInput<S>
  : undefined;
/**
 * The parameters that the server's functions get of a topic; `undefined` where it has none.
 *
 * @internal
 */
export type ParamsOut<E> = E extends { readonly params: infer S }
  ? InferOutput<S>
  : undefined;
/**
 * The names of the topics among entries that have snapshots.
 *
 * @internal
 */
export type SnapshotKeys<E> =
  & {
    [K in keyof E]: E[K] extends { readonly snapshot: unknown } ? K : never;
  }[keyof E]
  & string;
/**
 * What the server's function for snapshots of a topic returns.
 *
 * @internal
 */
export type SnapshotIn<E> = E extends { readonly snapshot: infer S }
  ? InferInput<S>
  : never;
/**
 * What a client gets as a snapshot of a topic.
 *
 * @internal
 */
export type SnapshotOut<E> = E extends { readonly snapshot: infer S }
  ? InferOutput<S>
  : never;

/**
 * The arguments of a call about a topic: its parameters where it has some, then `Rest`.
 *
 * @internal
 */
export type TopicArgs<E, Rest extends readonly unknown[]> = [E] extends [never]
  ? Rest
  : E extends { readonly params: infer S }
    ? [params: InferInput<S>, ...rest: Rest]
  : Rest;

/**
 * The names of the events in `shared`: what a room can broadcast.
 *
 * @internal
 */
export type SharedEvent<C extends ContractDefinition> = EventKeys<
  OwnEntries<C, "shared", "serverToClient">
>;
/**
 * The names of the topics in `shared`.
 *
 * @internal
 */
export type SharedTopic<C extends ContractDefinition> = TopicKeys<
  OwnEntries<C, "shared", "serverToClient">
>;
/**
 * The names of a role's own topics.
 *
 * @internal
 */
export type RoleTopic<C extends ContractDefinition, R extends RoleName<C>> =
  TopicKeys<
    OwnEntries<C, R, "serverToClient">
  >;
/** The names of the events that a role receives. */
export type EventName<C extends ContractDefinition, R extends RoleName<C>> =
  EventKeys<
    RoleEntries<C, R, "serverToClient">
  >;
/** The names of the questions that may be put to a role's clients. */
export type QuestionName<C extends ContractDefinition, R extends RoleName<C>> =
  QuestionKeys<
    RoleEntries<C, R, "serverToClient">
  >;
/**
 * The names of the questions that may be put to any client.
 *
 * @internal
 */
export type SharedQuestion<C extends ContractDefinition> = QuestionKeys<
  OwnEntries<C, "shared", "serverToClient">
>;
/**
 * One entry of `shared.serverToClient`.
 *
 * @internal
 */
export type SharedEntry<C extends ContractDefinition, N> = N extends
  keyof OwnEntries<C, "shared", "serverToClient">
  ? OwnEntries<C, "shared", "serverToClient">[N]
  : never;
/**
 * One `serverToClient` entry that a role sees.
 *
 * @internal
 */
export type RoleEntry<C extends ContractDefinition, R extends RoleName<C>, N> =
  R extends unknown
    ? N extends keyof RoleEntries<C, R, "serverToClient">
      ? RoleEntries<C, R, "serverToClient">[N]
    : never
    : never;
/** The names of the topics that a role can subscribe to. */
export type TopicName<C extends ContractDefinition, R extends RoleName<C>> =
  keyof {
    [
      N in R extends unknown ? SharedTopic<C> | RoleTopic<C, R> : never
    ]: 1;
  };

/**
 * The names of the topics of one block.
 *
 * @internal
 */
export type BlockTopic<C extends ContractDefinition, B extends BlockName<C>> =
  TopicKeys<OwnEntries<C, B, "serverToClient">>;
/**
 * One `serverToClient` entry of a block.
 *
 * @internal
 */
export type BlockEntry<
  C extends ContractDefinition,
  B extends BlockName<C>,
  N,
> = N extends keyof OwnEntries<C, B, "serverToClient">
  ? OwnEntries<C, B, "serverToClient">[N]
  : never;
/**
 * Those of a contract's blocks that have topics.
 *
 * @internal
 */
export type BlockWithTopics<C extends ContractDefinition, B = BlockName<C>> =
  B extends BlockName<C> ? BlockTopic<C, B> extends never ? never : B : never;
/**
 * The parameters of any topic of a contract, as the server's functions get them.
 *
 * @internal
 */
export type AnyParams<C extends ContractDefinition, B = BlockName<C>> =
  B extends BlockName<C> ? ParamsOut<BlockEntry<C, B, BlockTopic<C, B>>>
    : never;

/**
 * What the server passes to send an event or publish a topic of a block.
 *
 * @internal
 */
export type PayloadIn<C extends ContractDefinition, B extends BlockName<C>, N> =
  N extends keyof OwnEntries<C, B, "serverToClient">
    ? PayloadInput<OwnEntries<C, B, "serverToClient">, N>
    : never;
/**
 * What the server passes to send an event to a connection of a role.
 *
 * @internal
 */
export type EmitIn<C extends ContractDefinition, R extends RoleName<C>, N> =
  R extends unknown
    ? N extends keyof RoleEntries<C, R, "serverToClient">
      ? PayloadInput<RoleEntries<C, R, "serverToClient">, N>
    : never
    : never;
/** What a client of a role receives under a name. */
export type PayloadOut<C extends ContractDefinition, R extends RoleName<C>, N> =
  R extends unknown
    ? N extends keyof RoleEntries<C, R, "serverToClient">
      ? PayloadOutput<RoleEntries<C, R, "serverToClient">, N>
    : never
    : never;

/**
 * The `serverToServer` entries of a contract.
 *
 * @internal
 */
export type ServerEntries<C extends ContractDefinition> = C extends
  { readonly serverToServer: infer E } ? E : None;
/**
 * The names of a contract's questions between nodes.
 *
 * @internal
 */
export type ServerQuestion<C extends ContractDefinition> = QuestionKeys<
  ServerEntries<C>
>;
/**
 * The names of a contract's server events.
 *
 * @internal
 */
export type ServerEvent<C extends ContractDefinition> = Exclude<
  keyof ServerEntries<C> & string,
  ServerQuestion<C>
>;
/**
 * One `serverToServer` entry: an event's schema, or a question.
 *
 * @internal
 */
export type ServerEntry<C extends ContractDefinition, N> = N extends
  keyof ServerEntries<C> ? ServerEntries<C>[N] : never;
/**
 * What a node passes to emit a server event.
 *
 * @internal
 */
export type ServerEventIn<C extends ContractDefinition, N> = InferInput<
  ServerEntry<C, N>
>;
/**
 * What a listener gets: an event's data, or a question's input.
 *
 * @internal
 */
export type ServerEventOut<C extends ContractDefinition, N> =
  ServerEntry<C, N> extends { readonly input: infer S } ? InferOutput<S>
    : InferOutput<ServerEntry<C, N>>;
/**
 * What a listener returns: the answer to a question, nothing to an event.
 *
 * @internal
 */
export type ServerReturn<C extends ContractDefinition, N> = [N] extends
  [ServerEvent<C>] ? void
  : ServerEntry<C, N> extends { readonly output: infer S }
    ? InferInput<S> | Promise<InferInput<S>>
  : void;

/**
 * The type of a role's `conn.data`.
 *
 * @internal
 */
export type DataOf<C extends ContractDefinition, R extends RoleName<C>> =
  R extends unknown
    ? C["roles"][R & keyof C["roles"]] extends { readonly data: infer S }
      ? InferOutput<S>
    : undefined
    : never;
/** What `authenticate` returns for a role without a `data` schema. */
export interface Login<R extends PropertyKey = string> {
  /** The role, which the server decides. */
  readonly role: R;
  /** Passed to handlers and hooks as `ctx`; it never leaves the server. */
  readonly ctx?: unknown;
  /** When the login ends, as a `Date` or in milliseconds since the epoch. The connection then closes with 4410. */
  readonly expiresAt?: Date | number | undefined;
  /** The role has no schema for it. */
  readonly data?: undefined;
}
/** What `authenticate` returns for a role with a `data` schema. */
export interface LoginWithData<R extends PropertyKey, Data>
  extends Omit<Login<R>, "data"> {
  /** The input of the role's `data` schema; its output becomes `conn.data`. */
  readonly data: Data;
}
/**
 * Stands for a role in {@linkcode NoLogin}; no string has this type.
 *
 * @internal
 */
export interface RoleMustBe<R extends PropertyKey> {
  /** Only the types have this member. */
  readonly "must be one of the contract's roles": R;
}
/**
 * Never returned: the compiler compares a login with a wrong role with the last member of {@linkcode AuthResult}, and
 * so its message lists all roles.
 *
 * @internal
 */
export interface NoLogin<R extends PropertyKey> extends Omit<Login, "role"> {
  /** All roles of the contract. */
  readonly role: RoleMustBe<R>;
}

/** What `authenticate` returns: the client's role, and the `ctx` and `data` that belong to it. */
export type AuthResult<C extends ContractDefinition> =
  | {
    [R in keyof C["roles"] & string]: C["roles"][R] extends
      { readonly data: infer S } ? LoginWithData<R, InferInput<S>>
      : Login<R>;
  }[keyof C["roles"] & string]
  | NoLogin<RoleName<C>>;

/**
 * The `ctx` that `authenticate` returned for a role.
 *
 * @internal
 */
export type CtxOf<A, R> = unknown extends A ? unknown
  : A extends { readonly role: infer X } ? Extract<X, R> extends never ? never
    : "ctx" extends keyof A ? A[keyof A & "ctx"]
    : undefined
  : never;

/*
 * Read in one step: an `infer` of the schema and a conditional type for it would cost the compiler two instantiations
 * more for each entry.
 */
/**
 * What a request or signal handler may see as input.
 *
 * @internal
 */
export type CallInput<E> = E extends { readonly input: Schema }
  ? (E["input"]["~standard"]["types"] & Present)["output"]
  : never;
/**
 * What a request handler returns; nothing for a signal.
 *
 * @internal
 */
export type CallReturn<E> = E extends { readonly output: Schema }
  ? (E["output"]["~standard"]["types"] & Present)["input"]
  : void;
/**
 * An entry that streams its answer or declares errors: told apart in one step, so that others cost the compiler nothing.
 *
 * @internal
 */
export type Rich = { readonly yields: unknown } | { readonly errors: unknown };
/** What the handler of a streamed answer returns: a generator, or without `output` anything that can be iterated. */
export type StreamReturn<Item, E> = E extends { readonly output: infer S } ?
    | AsyncGenerator<Item, InferInput<S>, unknown>
    | Generator<Item, InferInput<S>>
  : AsyncIterable<Item> | Iterable<Item>;
/** The failures that an entry declares, as its caller gets them; `never` where it declares none. */
export type DeclaredError<E> = E extends { readonly errors: infer X } ? {
    [Code in keyof X & string]: TypedError<Code, InferOutput<X[Code]>>;
  }[keyof X & string]
  : never;
/** All that a call of an entry fails with: what the entry declares, and the library's own codes. */
export type CallError<E> = E extends { readonly errors: unknown }
  ? DeclaredError<E> | LibraryError
  : SocketError;
/** A `SocketError` whose code and data are known. */
export interface TypedError<Code, Data> extends Error {
  /** Which failure it is. */
  readonly code: Code;
  /** What its schema gave back. */
  readonly data: Data;
  /** As in `SocketError`. */
  readonly remote: boolean;
}
/** An error with a code of the library's. */
export type LibraryError = TypedError<ErrorCode, unknown>;
/** A promise that knows in its type what it rejects with, for `settle`. */
export interface Answer<T, Failure> extends Promise<T> {
  /** A type only, never there at run time. */
  readonly "~error"?: Failure;
}
/** How a handler makes a failure that its entry declares. */
export interface ErrorMaker<E> {
  /**
   * Makes a failure of this entry, to be thrown. Its data is validated when it leaves; data that the schema refuses is
   * INTERNAL to the caller and goes to `onError`.
   *
   * @param code One of the entry's `errors`
   * @param data What that error's schema accepts
   * @param message For people, the code when left out
   */
  error<Code extends ErrorCodeOf<E>>(
    code: Code,
    data: ErrorData<E, Code>,
    message?: string,
  ): SocketError;
}
/** The codes of an entry's `errors`. */
export type ErrorCodeOf<E> = E extends { readonly errors: infer X }
  ? keyof X & string
  : never;
/** What the schema of one of an entry's `errors` accepts. */
export type ErrorData<E, Code> = E extends { readonly errors: infer X }
  ? Code extends keyof X ? InferInput<X[Code]> : never
  : never;
/** What a client passes to call an entry. */
export type CallArgument<E> = E extends { readonly input: Schema }
  ? (E["input"]["~standard"]["types"] & Present)["input"]
  : never;
/** What a client gets back. */
export type CallResult<E> = E extends { readonly output: Schema }
  ? (E["output"]["~standard"]["types"] & Present)["output"]
  : void;
