/**
 * Finds keys in a contract that no contract has, in the compiler. No code runs here.
 *
 * Excess properties of a literal are not reported where its type is inferred, so that `clientToSever` would compile
 * beside `clientToServer`.
 *
 * @module
 */
import type {
  ContractDefinition,
  EventEntry,
  RequestEntry,
  RoleDefinition,
  SignalEntry,
  StreamEntry,
  SurfaceDefinition,
  TopicEntry,
} from "./types.ts";

/**
 * The type of a value under an unknown key: nothing is assignable to it, and its name is the error message.
 *
 * @internal
 */
export interface UnknownKeyMustBe<Known extends PropertyKey> {
  /** Only the types have this member. */
  readonly "unknown key, must be one of": Known;
}
/**
 * The keys of an entry in `clientToServer`.
 *
 * @internal
 */
export type CallKey =
  | keyof RequestEntry
  | keyof StreamEntry
  | keyof SignalEntry;
/**
 * The keys of an entry in `serverToClient`.
 *
 * @internal
 */
export type MessageKey =
  | keyof EventEntry
  | keyof TopicEntry
  | keyof RequestEntry;

/**
 * The keys of all values of an object.
 *
 * @internal
 */
export type KeysIn<E> = { [K in keyof E]: keyof E[K] }[keyof E];
/**
 * The unknown keys of the entries of one block.
 *
 * @internal
 */
export type StrayInEntries<S> =
  | (S extends { readonly clientToServer: infer E }
    ? Exclude<KeysIn<E>, CallKey>
    : never)
  | (S extends { readonly serverToClient: infer E }
    ? Exclude<KeysIn<E>, MessageKey>
    : never);
/**
 * All unknown keys of a definition; `never` where there are none.
 *
 * @internal
 */
export type Stray<C extends ContractDefinition> =
  | Exclude<keyof C, keyof ContractDefinition>
  | Exclude<KeysIn<C["roles"]>, keyof RoleDefinition>
  | {
    [R in keyof C["roles"]]: StrayInEntries<C["roles"][R]>;
  }[keyof C["roles"]]
  | (C extends { readonly shared: infer S }
    ? Exclude<keyof S, keyof SurfaceDefinition> | StrayInEntries<S>
    : never);

/**
 * The unknown keys of one object, each with the error message as its type.
 *
 * @internal
 */
export type Refused<T, Known extends PropertyKey> = {
  readonly [
    // `& string` makes the compiler print the keys and not `keyof RoleDefinition`.
    K in Exclude<keyof T, Known>
  ]: UnknownKeyMustBe<Known & string>;
};
/**
 * The unknown keys of one block and of its entries.
 *
 * @internal
 */
export type RefusedInBlock<S, Known extends PropertyKey> =
  & Refused<S, Known>
  & (S extends { readonly clientToServer: infer E } ? {
      readonly clientToServer: {
        readonly [K in keyof E]: Refused<E[K], CallKey>;
      };
    }
    : unknown)
  & (S extends { readonly serverToClient: infer E } ? {
      readonly serverToClient: {
        readonly [K in keyof E]: Refused<E[K], MessageKey>;
      };
    }
    : unknown);

/**
 * Holds a definition to the keys that a contract has: an unknown one is a compile error that lists the known ones.
 *
 * @internal
 */
export type KnownKeys<C extends ContractDefinition> = [Stray<C>] extends [never]
  ? unknown
  :
    & Refused<C, keyof ContractDefinition>
    & {
      readonly roles: {
        readonly [R in keyof C["roles"]]: RefusedInBlock<
          C["roles"][R],
          keyof RoleDefinition
        >;
      };
    }
    & (C extends { readonly shared: infer S }
      ? { readonly shared: RefusedInBlock<S, keyof SurfaceDefinition> }
      : unknown);
