/**
 * A role's names without its schemas: what a browser needs of a contract at least.
 *
 * @module
 */
import type { Contract } from "../contract/define.ts";
import type { ContractDefinition, RoleName } from "../contract/types.ts";
import type { Serializer } from "../wire/serializer.ts";

/** What a client of one role may call and hear, as JSON. */
export interface ClientSurface<R extends string = string> {
  /** The role. */
  readonly role: R;
  /** Calls that are answered. */
  readonly requests: readonly string[];
  /** Calls that are answered item by item. */
  readonly streams?: readonly string[];
  /** Calls that are not. */
  readonly signals: readonly string[];
  /** Events of the server's. */
  readonly events: readonly string[];
  /** Topics that can be subscribed to. */
  readonly topics: readonly string[];
  /** Those of the topics that have parameters. */
  readonly params?: readonly string[];
  /** Those of the topics that are kept. */
  readonly kept?: readonly string[];
  /** Those of the kept topics that are a last value. */
  readonly latest?: readonly string[];
  /** Questions of the server's. */
  readonly questions: readonly string[];
  /** The contract's own, where it has one; not JSON, so it is added where the client is made. */
  readonly serializer?: Serializer;
}

/**
 * Reads off a contract what a client of one role needs of it, to be written to a file when an app is built.
 *
 * @param contract What `defineContract` returned
 * @param role The client's role
 * @returns Names only, of `shared` and of that role: neither schemas nor another role's names reach who downloads it
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
  const calls = [...surface.calls.values()];
  const topics = [...surface.topics.values()];
  const names = (entries: Iterable<{ readonly name: string }>) =>
    [...entries].map(({ name }) => name);
  return {
    role: role as R & string,
    requests: names(calls.filter(({ output, yields }) => output && !yields)),
    streams: names(calls.filter(({ yields }) => yields)),
    signals: names(calls.filter(({ output }) => !output)),
    events: names(surface.events.values()),
    topics: names(topics),
    params: names(topics.filter(({ params }) => params)),
    kept: names(topics.filter(({ keep }) => keep)),
    latest: names(topics.filter(({ keep }) => keep?.last === 1)),
    questions: names(surface.questions.values()),
  };
}
