/**
 * What a wire cannot carry, found by the compiler. No code runs here.
 *
 * @module
 */
import type { ContractDefinition } from "./types.ts";
import type { InferInput, InferOutput } from "./schema.ts";
import type { Serializer } from "../wire/serializer.ts";

/** What JSON carries as it is. */
export type JsonLeaf = string | number | boolean | null | undefined;
/** Counts a depth down to `never`. */
export type Deeper = [never, 0, 1, 2, 3, 4, 5, 6];

/** What JSON carries as it is. An interface is none, since it has no index signature; a type literal may be. */
export type Json = JsonLeaf | readonly Json[] | {
  readonly [key: string]: Json;
};

/** The parts of a type that JSON would lose or change; `never` where there are none. */
export type NotJson<T> = [T] extends [Json] ? never : Lost<T>;
/** As {@linkcode NotJson}, part by part, seven levels deep: much dearer to the compiler. */
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

/** Nothing where all can be carried, else a member that no schema has, whose name is the error. */
export type Flaw<Where extends string, What> = [What] extends [never] ? unknown
  : {
    readonly [
      K
        in `Cannot carry ${Where} over JSON: change its type, or give the contract a serializer`
    ]: What;
  };

/** Requests and signals held to JSON. */
export type CheckedCalls<E, Path extends string> = {
  readonly [K in keyof E]:
    & (E[K] extends { readonly output: infer S } ? {
        readonly output: Flaw<
          `the output of '${Path}${K & string}'`,
          NotJson<InferOutput<S>>
        >;
      }
      : unknown)
    & (E[K] extends { readonly input: infer S } ? {
        readonly input: Flaw<
          `the input of '${Path}${K & string}'`,
          NotJson<InferInput<S>>
        >;
      }
      : unknown);
};
/** Events, topics and questions held to JSON. */
export type CheckedPayloads<E, Path extends string> = {
  readonly [K in keyof E]: E[K] extends { readonly payload: infer S } ?
      & {
        readonly payload: Flaw<
          `the payload of '${Path}${K & string}'`,
          NotJson<InferOutput<S>>
        >;
      }
      & (E[K] extends { readonly snapshot: infer T } ? {
          readonly snapshot: Flaw<
            `the snapshot of '${Path}${K & string}'`,
            NotJson<InferOutput<T>>
          >;
        }
        : unknown)
    : CheckedQuestion<E[K], `${Path}${K & string}`>;
};
/** A question held to JSON: its input leaves as its schema gives it back, its answer as it is given. */
export type CheckedQuestion<E, Path extends string> = E extends {
  readonly input: infer I;
  readonly output: infer O;
} ? {
    readonly input: Flaw<`the input of '${Path}'`, NotJson<InferOutput<I>>>;
    readonly output: Flaw<`the output of '${Path}'`, NotJson<InferInput<O>>>;
  }
  : unknown;
/** What nodes say to each other held to JSON: all of it leaves as it is given. */
export type CheckedBetween<E> = {
  readonly [K in keyof E]: E[K] extends {
    readonly input: infer I;
    readonly output: infer O;
  } ? {
      readonly input: Flaw<
        `the input of 'serverToServer.${K & string}'`,
        NotJson<InferInput<I>>
      >;
      readonly output: Flaw<
        `the output of 'serverToServer.${K & string}'`,
        NotJson<InferInput<O>>
      >;
    }
    : Flaw<
      `the payload of 'serverToServer.${K & string}'`,
      NotJson<InferInput<E[K]>>
    >;
};
/** One block held to JSON. */
export type CheckedSurface<S, Path extends string> =
  & (S extends { readonly clientToServer: infer E }
    ? { readonly clientToServer: CheckedCalls<E, Path> }
    : unknown)
  & (S extends { readonly serverToClient: infer E }
    ? { readonly serverToClient: CheckedPayloads<E, Path> }
    : unknown);

/** What requests and signals put on the wire. */
export type Asked<E> = E extends { readonly input: infer I }
  ? E extends { readonly output: infer O } ? InferInput<I> | InferOutput<O>
  : InferInput<I>
  : never;
/** What events, topics and questions put on the wire. */
export type Told<E> = E extends
  { readonly payload: infer S; readonly snapshot: infer T }
  ? InferOutput<S> | InferOutput<T>
  : E extends { readonly payload: infer S } ? InferOutput<S>
  : E extends { readonly input: infer I; readonly output: infer O }
    ? InferOutput<I> | InferInput<O>
  : never;
/** What nodes say to each other. */
export type Between<E> = E extends
  { readonly input: infer I; readonly output: infer O }
  ? InferInput<I> | InferInput<O>
  : InferInput<E>;
/** All that one block puts on the wire. */
export type OnWire<S> =
  | (S extends { readonly clientToServer: infer E } ? Asked<E[keyof E]> : never)
  | (S extends { readonly serverToClient: infer E } ? Told<E[keyof E]> : never);

/** Names in a definition what JSON would change. */
export type Named<C extends ContractDefinition> =
  & (C extends { readonly shared: infer S }
    ? { readonly shared: CheckedSurface<S, "shared."> }
    : unknown)
  & {
    readonly roles: {
      readonly [R in keyof C["roles"]]: CheckedSurface<
        C["roles"][R],
        `${R & string}.`
      >;
    };
  }
  & (C extends { readonly serverToServer: infer E }
    ? { readonly serverToServer: CheckedBetween<E> }
    : unknown);

/** The parameters of the topics of one block. */
export type ParamsOfBlock<S> = S extends { readonly serverToClient: infer E }
  ? E[keyof E] extends infer One
    ? One extends { readonly params: infer P } ? InferInput<P> | InferOutput<P>
    : never
  : never
  : never;
/** The members of parameters that are not flat; `never` where there are none. */
export type NotFlat<T> = T extends unknown ? {
    [K in keyof T]-?: Exclude<T[K], string | number | boolean | undefined>;
  }[keyof T]
  : never;
/** The topics of a block whose parameters are not flat, each with a member that no schema has, whose name is the error. */
export type CheckedParams<S, Path extends string> = S extends
  { readonly serverToClient: infer E } ? {
    readonly serverToClient: {
      readonly [K in keyof E]: E[K] extends { readonly params: infer P }
        ? [NotFlat<InferInput<P> | InferOutput<P>>] extends [never] ? unknown
        : {
          readonly params: {
            readonly [
              M in `The params of '${Path}${
                & K
                & string}' must be a flat object of strings, numbers and booleans`
            ]: NotFlat<InferInput<P> | InferOutput<P>>;
          };
        }
        : unknown;
    };
  }
  : unknown;
/** Names in a definition the topics whose parameters are not flat; nothing where all are. */
export type Flat<C extends ContractDefinition> = [
  NotFlat<
    | (C extends { readonly shared: infer S } ? ParamsOfBlock<S> : never)
    | ParamsOfBlock<C["roles"][keyof C["roles"]]>
  >,
] extends [never] ? unknown
  :
    & (C extends { readonly shared: infer S }
      ? { readonly shared: CheckedParams<S, "shared."> }
      : unknown)
    & {
      readonly roles: {
        readonly [R in keyof C["roles"]]: CheckedParams<
          C["roles"][R],
          `${R & string}.`
        >;
      };
    };

/**
 * Holds a definition to what its wire can carry: under JSON, an entry that JSON would change is a compile error that
 * names it. A contract with a serializer is not checked: what that carries is between the two.
 *
 * Where all is plainly JSON nothing is named, which spares the compiler a second look at each entry.
 */
export type Carried<C extends ContractDefinition> =
  & Flat<C>
  & CarriedPayloads<C>;
/** As {@linkcode Carried}, for payloads alone. */
export type CarriedPayloads<C extends ContractDefinition> = C extends
  { readonly serializer: Serializer } ? unknown
  : [
    | (C extends { readonly shared: infer S } ? OnWire<S> : never)
    | OnWire<C["roles"][keyof C["roles"]]>
    | (C extends { readonly serverToServer: infer E } ? Between<E[keyof E]>
      : never),
  ] extends [Json] ? unknown
  : Named<C>;
