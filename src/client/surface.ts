/**
 * A role's names without its schemas: the least that a client needs of a contract.
 *
 * @module
 */
import type { Contract } from "../contract/define.ts";
import type { ContractDefinition, RoleName } from "../contract/types.ts";
import type { Schema } from "../contract/schema.ts";
import type { Serializer } from "../wire/serializer.ts";

/** Entries by name: a Map, or what a Map is made of. */
type Entries<T> = Iterable<readonly [name: string, entry: T]>;

/** What a client reads of one role, in a contract or in a surface, which has no schemas. */
export interface Names {
  /** Calls; those with an output are requests, the others signals. */
  readonly calls: Entries<
    { readonly output?: Schema | true; readonly yields?: Schema | true }
  >;
  /** Events of the server's. */
  readonly events: Entries<{ readonly payload?: Schema }>;
  /** Topics that can be subscribed to. */
  readonly topics: Entries<
    {
      readonly payload?: Schema;
      readonly params?: Schema | true;
      readonly snapshot?: Schema;
      readonly keep?: { readonly last: number };
    }
  >;
  /** Questions of the server's. */
  readonly questions: Entries<{ readonly input?: Schema }>;
}

/** What a client of one role may call and hear, as JSON: names, and for a call whether it is answered. */
export interface ClientSurface<R extends string = string> {
  /** The role. */
  readonly role: R;
  /** Calls by name; `output` for those that are answered, `yields` for those that are answered item by item. */
  readonly calls: readonly (readonly [
    name: string,
    { readonly output?: true; readonly yields?: true },
  ])[];
  /** Events of the server's. */
  readonly events: readonly (readonly [name: string, object])[];
  /** Topics that can be subscribed to. */
  readonly topics: readonly (readonly [
    name: string,
    { readonly params?: true; readonly keep?: { readonly last: number } },
  ])[];
  /** Questions of the server's. */
  readonly questions: readonly (readonly [name: string, object])[];
  /** The contract's own, where it has one; not JSON, so it is added where the client is made. */
  readonly serializer?: Serializer;
}

/**
 * Lists what a client of one role needs of a contract, to be written to a file when an app is built and passed to
 * `createClient`.
 *
 * @param contract What `defineContract` returned
 * @param role The client's role
 * @returns The names in `shared` and in that role, without schemas and without another role's names
 * @throws {TypeError} When the contract has no such role
 *
 * @example In a build
 * ```ts
 * import { z } from "zod";
 * import { clientSurface, defineContract } from "@super-line/edge";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { echo: { input: z.string(), output: z.string() } } } },
 * });
 * console.log(JSON.stringify(clientSurface(api, "user")));
 * ```
 */
export function clientSurface<
  C extends ContractDefinition,
  R extends RoleName<C>,
>(contract: Contract<C>, role: R): ClientSurface<R & string> {
  const surface = contract.roles.get(role as string);
  if (!surface) {
    throw new TypeError(
      `Cannot make a surface: the contract has no role ${JSON.stringify(role)}`,
    );
  }
  const names = (entries: ReadonlyMap<string, unknown>) =>
    [...entries.keys()].map((name) => [name, {}] as const);
  return {
    role: role as R & string,
    calls: [...surface.calls].map(([name, { output, yields }]) =>
      [name, {
        ...(output && { output: true }),
        ...(yields && { yields: true }),
      }] as const
    ),
    events: names(surface.events),
    topics: [...surface.topics].map(([name, { params, keep }]) =>
      [name, {
        ...(params && { params: true }),
        ...(keep && { keep: { last: keep.last } }),
      }] as const
    ),
    questions: names(surface.questions),
  };
}
