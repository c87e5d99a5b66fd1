/**
 * Finds what a wire cannot carry, in the compiler. No code runs here.
 *
 * A contract is compared with {@linkcode PlainContract} first, one structural comparison without a type of its own for
 * each entry. Only entries that fail it are looked at part by part, which costs the compiler many times as much.
 *
 * @module
 */
import type { ContractDefinition } from "./types.ts";
import type { InferInput, InferOutput } from "./schema.ts";
import type { Serializer } from "../wire/serializer.ts";

/**
 * A value that JSON carries without parts of its own.
 *
 * @internal
 */
export type JsonLeaf = string | number | boolean | null | undefined;
/**
 * Counts a depth down to `never`.
 *
 * @internal
 */
export type Deeper = [never, 0, 1, 2, 3, 4, 5, 6];

/**
 * A type that JSON carries unchanged. An interface is not assignable to it, since an interface has no index signature;
 * a type literal is.
 *
 * @internal
 */
export type Json = JsonLeaf | readonly Json[] | {
  readonly [key: string]: Json;
};
/**
 * The parameters of a topic: text, numbers and booleans by name.
 *
 * @internal
 */
export type FlatParams = {
  readonly [key: string]: string | number | boolean | undefined;
};

/**
 * A schema that accepts plain JSON.
 *
 * @internal
 */
export interface TakesJson {
  /** The members that the standard defines. */
  readonly "~standard": {
    /** The schema's types. */
    readonly types?: { readonly input: Json } | undefined;
  };
}
/**
 * A schema that returns plain JSON.
 *
 * @internal
 */
export interface GivesJson {
  /** The members that the standard defines. */
  readonly "~standard": {
    /** The schema's types. */
    readonly types?: { readonly output: Json } | undefined;
  };
}
/**
 * A schema of topic parameters that are plainly flat.
 *
 * @internal
 */
export interface PlainParams {
  /** The members that the standard defines. */
  readonly "~standard": {
    /** The schema's types. */
    readonly types?:
      | { readonly input: FlatParams; readonly output: FlatParams }
      | undefined;
  };
}
/**
 * A request or signal of plain JSON: the client sends what the input accepts, the server what the output returns.
 *
 * @internal
 */
export interface PlainCall {
  /** What the client sends. */
  readonly input: TakesJson;
  /** What the server sends back. */
  readonly output?: GivesJson;
  /** The items of a streamed answer. */
  readonly yields?: GivesJson;
  /** The data of declared failures. */
  readonly errors?: Readonly<Record<string, GivesJson>>;
}
/**
 * An event or topic of plain JSON.
 *
 * @internal
 */
export interface PlainMessage {
  /** What the server sends. */
  readonly payload: GivesJson;
  /** What the server sends to a new subscriber. */
  readonly snapshot?: GivesJson;
  /** The parameters of a topic. */
  readonly params?: PlainParams;
}
/**
 * A question to a client of plain JSON: the input is sent as its schema returns it, the answer as it is given.
 *
 * @internal
 */
export interface PlainQuestion {
  /** What the server sends. */
  readonly input: GivesJson;
  /** What the client sends back. */
  readonly output: TakesJson;
  /** The data of declared failures. */
  readonly errors?: Readonly<Record<string, TakesJson>>;
}
/**
 * A question between nodes of plain JSON: both sides are sent as they are given.
 *
 * @internal
 */
export interface PlainServerQuestion {
  /** What the asking node sends. */
  readonly input: TakesJson;
  /** What a node sends back. */
  readonly output: TakesJson;
}
/**
 * One block of plain JSON.
 *
 * @internal
 */
export interface PlainBlock {
  /** Requests and signals. */
  readonly clientToServer?: Readonly<Record<string, PlainCall>>;
  /** Events, topics and questions. */
  readonly serverToClient?: Readonly<
    Record<string, PlainMessage | PlainQuestion>
  >;
}
/**
 * A contract of plain JSON.
 *
 * @internal
 */
export interface PlainContract {
  /** The block that all roles have. */
  readonly shared?: PlainBlock;
  /** The roles' own blocks. */
  readonly roles: Readonly<Record<string, PlainBlock>>;
  /** Events and questions between nodes. */
  readonly serverToServer?: Readonly<
    Record<string, TakesJson | PlainServerQuestion>
  >;
}

/**
 * The parts of a type that JSON would lose or change; `never` where there are none.
 *
 * @internal
 */
export type NotJson<T> = [T] extends [Json] ? never : Lost<T>;
/**
 * As {@linkcode NotJson}, part by part, seven levels deep.
 *
 * @internal
 */
export type Lost<T, Depth extends number = 7> = unknown extends T ? never
  : Depth extends never ? never
  : T extends JsonLeaf ? never
  : T extends bigint | symbol | ((...args: never[]) => unknown) ? T
  : T extends
    | Date
    | RegExp
    | Error
    | Promise<unknown>
    | ArrayBuffer
    | ArrayBufferView
    | ReadonlyMap<unknown, unknown>
    | ReadonlySet<unknown> ? T
  : T extends readonly unknown[] ? Lost<T[number], Deeper[Depth]>
  : { [K in keyof T]-?: Lost<T[K], Deeper[Depth]> }[keyof T];
/**
 * The members of parameters that are not flat; `never` where there are none.
 *
 * @internal
 */
export type NotFlat<T> = T extends unknown ? {
    [K in keyof T]-?: Exclude<T[K], string | number | boolean | undefined>;
  }[keyof T]
  : never;

/**
 * `unknown` where `What` is `never`, else a member that no schema has, whose name is the error message.
 *
 * @internal
 */
export type Flaw<Message extends string, What> = [What] extends [never]
  ? unknown
  : { readonly [K in Message]: What };
/**
 * The {@linkcode Flaw} of what JSON loses.
 *
 * @internal
 */
export type JsonFlaw<Where extends string, T> = Flaw<
  `Cannot carry ${Where} over JSON: change its type, or give the contract a serializer`,
  NotJson<T>
>;

/**
 * The flaws of a block's requests and signals.
 *
 * @internal
 */
export type CheckedCalls<E, Path extends string> = {
  readonly [K in keyof E]: E[K] extends PlainCall ? unknown
    :
      & (E[K] extends { readonly output: infer S } ? {
          readonly output: JsonFlaw<
            `the output of '${Path}${K & string}'`,
            InferOutput<S>
          >;
        }
        : unknown)
      & (E[K] extends { readonly input: infer S } ? {
          readonly input: JsonFlaw<
            `the input of '${Path}${K & string}'`,
            InferInput<S>
          >;
        }
        : unknown)
      & (E[K] extends { readonly yields: infer S } ? {
          readonly yields: JsonFlaw<
            `the items of '${Path}${K & string}'`,
            InferOutput<S>
          >;
        }
        : unknown)
      & (E[K] extends { readonly errors: infer X } ? {
          readonly errors: {
            readonly [Code in keyof X]: JsonFlaw<
              `the data of error '${Code & string}' of '${Path}${K & string}'`,
              InferOutput<X[Code]>
            >;
          };
        }
        : unknown);
};
/**
 * The flaws of a block's events, topics and questions.
 *
 * @internal
 */
export type CheckedMessages<E, Path extends string> = {
  readonly [K in keyof E]: E[K] extends PlainMessage | PlainQuestion ? unknown
    :
      & (E[K] extends { readonly payload: infer S } ? {
          readonly payload: JsonFlaw<
            `the payload of '${Path}${K & string}'`,
            InferOutput<S>
          >;
        }
        : unknown)
      & (E[K] extends { readonly snapshot: infer S } ? {
          readonly snapshot: JsonFlaw<
            `the snapshot of '${Path}${K & string}'`,
            InferOutput<S>
          >;
        }
        : unknown)
      & (E[K] extends { readonly input: infer I; readonly output: infer O } ? {
          readonly input: JsonFlaw<
            `the input of '${Path}${K & string}'`,
            InferOutput<I>
          >;
          readonly output: JsonFlaw<
            `the output of '${Path}${K & string}'`,
            InferInput<O>
          >;
        }
        : unknown);
};
/**
 * The flaws of events and questions between nodes.
 *
 * @internal
 */
export type CheckedBetween<E> = {
  readonly [K in keyof E]: E[K] extends TakesJson | PlainServerQuestion
    ? unknown
    : E[K] extends { readonly input: infer I; readonly output: infer O } ? {
        readonly input: JsonFlaw<
          `the input of 'serverToServer.${K & string}'`,
          InferInput<I>
        >;
        readonly output: JsonFlaw<
          `the output of 'serverToServer.${K & string}'`,
          InferInput<O>
        >;
      }
    : JsonFlaw<
      `the payload of 'serverToServer.${K & string}'`,
      InferInput<E[K]>
    >;
};
/**
 * The flaws of a block's topic parameters, which no serializer carries.
 *
 * @internal
 */
export type CheckedParams<E, Path extends string> = {
  readonly [K in keyof E]: E[K] extends { readonly params: infer P } ? {
      readonly params: Flaw<
        `The params of '${Path}${
          & K
          & string}' must be a flat object of strings, numbers and booleans`,
        NotFlat<InferInput<P> | InferOutput<P>>
      >;
    }
    : unknown;
};
/**
 * The flaws of one block; without those of JSON where the contract has a serializer.
 *
 * @internal
 */
export type CheckedBlock<S, Path extends string, Serialized> =
  & (S extends { readonly serverToClient: infer E }
    ? { readonly serverToClient: CheckedParams<E, Path> }
    : unknown)
  & (Serialized extends true ? unknown
    :
      & (S extends { readonly clientToServer: infer E }
        ? { readonly clientToServer: CheckedCalls<E, Path> }
        : unknown)
      & (S extends { readonly serverToClient: infer E }
        ? { readonly serverToClient: CheckedMessages<E, Path> }
        : unknown));

/**
 * The flaws of a definition, each at its place.
 *
 * @internal
 */
export type Flaws<C extends ContractDefinition, Serialized> =
  & (C extends { readonly shared: infer S }
    ? { readonly shared: CheckedBlock<S, "shared.", Serialized> }
    : unknown)
  & {
    readonly roles: {
      readonly [R in keyof C["roles"]]: CheckedBlock<
        C["roles"][R],
        `${R & string}.`,
        Serialized
      >;
    };
  }
  & (Serialized extends true ? unknown
    : C extends { readonly serverToServer: infer E }
      ? { readonly serverToServer: CheckedBetween<E> }
    : unknown);

/**
 * Holds a definition to what its wire carries: under JSON, an entry that JSON would change is a compile error that
 * names it. In a contract with a serializer only the parameters of topics are checked.
 *
 * @internal
 */
export type Carried<C extends ContractDefinition> = C extends PlainContract
  ? unknown
  : ContractDefinition extends C ? unknown // nothing is known of it
  : Flaws<C, C extends { readonly serializer: Serializer } ? true : false>;
