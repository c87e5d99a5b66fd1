/**
 * Who may subscribe to what.
 *
 * @module
 */
import { unknownKey } from "../../contract/check_options.ts";
import type { Contract, Topic } from "../../contract/define.ts";
import { quote } from "../../contract/names.ts";
import type {
  AnyParams,
  BlockEntry,
  BlockTopic,
  BlockWithTopics,
  ContractDefinition,
  CtxOf,
  ParamsOut,
  RoleName,
  TopicName,
} from "../../contract/types.ts";
import type { Connection } from "../types/connection.ts";

/**
 * Decides about one topic of a block: `true` lets everybody in.
 *
 * @internal
 */
export type TopicAuthorizer<Params, Ctx, Conn> =
  | true
  | ((params: Params, ctx: Ctx, conn: Conn) => boolean | Promise<boolean>);

/**
 * Decides topic by topic, in a block for `shared` and for each role that has topics.
 *
 * @internal
 */
export type AuthorizeTable<C extends ContractDefinition, A> = {
  readonly [B in BlockWithTopics<C>]: {
    readonly [N in BlockTopic<C, B>]: TopicAuthorizer<
      ParamsOut<BlockEntry<C, B, N>>,
      CtxOf<A, B extends RoleName<C> ? B : RoleName<C>>,
      Connection<
        C,
        B extends RoleName<C> ? B : RoleName<C>,
        CtxOf<A, B extends RoleName<C> ? B : RoleName<C>>
      >
    >;
  };
};

/**
 * Decides about every topic.
 *
 * @internal
 */
export type AuthorizeFunction<C extends ContractDefinition, A> = (
  topic: TopicName<C, RoleName<C>>,
  ctx: CtxOf<A, RoleName<C>>,
  conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
  params: AnyParams<C>,
) => boolean | Promise<boolean>;

/** Either form, without the contract's types. */
export type AnyAuthorize =
  // A method's type, since a contract's own types narrow the parameters.
  | {
    decide(
      topic: string,
      ctx: unknown,
      conn: unknown,
      params: unknown,
    ): unknown;
  }["decide"]
  | object;

type Entry = true | ((params: unknown, ctx: unknown, conn: unknown) => unknown);
type Table = Readonly<Record<string, Readonly<Record<string, Entry>>>>;

/** Decides by the table; a topic that it does not list is for nobody. */
export function authorizeByTable(
  table: object,
  { block, name }: Topic,
  params: unknown,
  conn: { readonly ctx: unknown },
): unknown {
  const entry = own(own(table as Table, block), name);
  return typeof entry === "function" ? entry(params, conn.ctx, conn) : entry;
}

/**
 * Checks the option `authorizeSubscribe`.
 *
 * @throws {TypeError} When the table has an entry that is no topic of its block, or neither `true` nor a function
 */
export function checkAuthorize(
  contract: Contract,
  authorize: AnyAuthorize | undefined,
): void {
  if (typeof authorize !== "object") return; // its kind is checked with the other options
  for (const [block, entries] of Object.entries(authorize as Table)) {
    const surface = block === "shared"
      ? contract.shared
      : contract.roles.get(block);
    for (const [name, entry] of Object.entries(entries ?? {})) {
      const path = quote(`${block}.${name}`);
      if (surface?.topics.get(name)?.block !== block) {
        const topics = [contract.shared, ...contract.roles.values()]
          .flatMap(({ topics }) => [...topics.values()])
          .map((topic) => `${topic.block}.${topic.name}`);
        throw unknownKey(
          "authorize subscriptions",
          "topic",
          `${block}.${name}`,
          [
            ...new Set(topics),
          ],
        );
      }
      if (
        entry !== true && entry !== undefined && typeof entry !== "function"
      ) {
        throw new TypeError(
          `Cannot authorize ${path}: its entry is ${typeof entry}, must be true or a function`,
        );
      }
    }
  }
}

function own<T>(
  record: Readonly<Record<string, T>> | undefined,
  name: string,
): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
