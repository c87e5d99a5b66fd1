/**
 * What a wire cannot carry, found by the compiler. No code runs here.
 *
 * @module
 */
import type { ContractDefinition } from "./infer.ts";
import type { InferInput, InferOutput } from "./schema.ts";
import type { Serializer } from "./serializer.ts";

/** What JSON carries as it is. */
export type JsonLeaf = string | number | boolean | null | undefined;
/** Counts a depth down to `never`. */
export type Deeper = [never, 0, 1, 2, 3, 4, 5, 6];

/** The parts of a type that JSON would lose or change; `never` where there are none. Looked for seven levels deep. */
export type NotJson<T, Depth extends number = 7> = unknown extends T ? never
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
  : T extends readonly unknown[] ? NotJson<T[number], Deeper[Depth]>
  : { [K in keyof T]-?: NotJson<T[K], Deeper[Depth]> }[keyof T];

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
  readonly [K in keyof E]: E[K] extends { readonly payload: infer S } ? {
      readonly payload: Flaw<
        `the payload of '${Path}${K & string}'`,
        NotJson<InferOutput<S>>
      >;
    }
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

/**
 * Holds a definition to what its wire can carry: under JSON, an entry that JSON would change is a compile error that
 * names it. A contract with a serializer is not checked: what that carries is between the two.
 */
export type Carried<C extends ContractDefinition> = C extends
  { readonly serializer: Serializer } ? unknown
  :
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
