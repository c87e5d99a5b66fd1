/**
 * What the author of a server writes: one handler an entry.
 *
 * @module
 */
import type {
  BlockName,
  CallInput,
  CallReturn,
  ContractDefinition,
  CtxOf,
  ErrorMaker,
  OwnEntries,
  Rich,
  RoleName,
  StreamReturn,
} from "../../contract/types.ts";
import type { InferInput } from "../../contract/schema.ts";
import type { AnyConnection, Connection } from "./connection.ts";

/** One call under way. */
export interface CallInfo {
  /** The caller's number for it; 0 for a signal. */
  readonly id: number;
  /** Aborts when the caller cancels or goes away. Made when it is first read. */
  readonly signal: AbortSignal;
}

/**
 * Answers a request or takes a signal.
 *
 * For a streamed answer it is a generator, or returns one. What it returns is validated; what it throws reaches the
 * caller as itself when it is a `SocketError` of its own, else as `INTERNAL`.
 */
export type Handler<
  Input = unknown,
  Output = unknown,
  Ctx = unknown,
  Conn = unknown,
  Info = CallInfo,
> = (
  input: Input,
  ctx: Ctx,
  conn: Conn,
  call: Info,
) => Output | Promise<Output>;

/** What a middleware is around. */
export interface MiddlewareInfo<Conn = AnyConnection> {
  /** A request, a signal, or a subscription to a topic. */
  readonly kind: "request" | "signal" | "subscribe";
  /** The entry's name. */
  readonly name: string;
  /** The parameters of the topic; absent for everything but a subscription to a topic that has some. */
  readonly params?: unknown;
  /** Who calls. */
  readonly conn: Conn;
  /** The call. */
  readonly call: CallInfo;
}

/**
 * Runs around every request, signal and subscription, before validation.
 *
 * `await next()` runs what is inside and throws what it throws. Returning without a call to `next` refuses with
 * `FORBIDDEN`; throwing a `SocketError` refuses with it.
 */
export type Middleware<Ctx = unknown, Conn = AnyConnection> = (
  ctx: Ctx,
  info: MiddlewareInfo<Conn>,
  next: () => Promise<void>,
) => void | Promise<void>;

/** The handlers of one block: `shared`, or a role's own. */
export type Handlers<
  C extends ContractDefinition,
  B extends "shared" | RoleName<C>,
  A = { readonly role: RoleName<C>; readonly ctx?: unknown },
> = {
  readonly [N in keyof OwnEntries<C, B, "clientToServer">]:
    OwnEntries<C, B, "clientToServer">[N] extends Rich ? RichHandler<
        OwnEntries<C, B, "clientToServer">[N],
        CtxOf<A, RoleOf<C, B>>,
        Connection<C, RoleOf<C, B>, CtxOf<A, RoleOf<C, B>>>
      >
      : Handler<
        CallInput<OwnEntries<C, B, "clientToServer">[N]>,
        CallReturn<OwnEntries<C, B, "clientToServer">[N]>,
        CtxOf<A, RoleOf<C, B>>,
        Connection<C, RoleOf<C, B>, CtxOf<A, RoleOf<C, B>>>
      >;
};
/**
 * The handler of an entry that streams, or declares errors: its call has `error` in the latter case.
 *
 * @internal
 */
export type RichHandler<E, Ctx, Conn> = Handler<
  CallInput<E>,
  E extends { readonly yields: infer Y } ? StreamReturn<InferInput<Y>, E>
    : CallReturn<E>,
  Ctx,
  Conn,
  E extends { readonly errors: unknown } ? CallInfo & ErrorMaker<E> : CallInfo
>;
/**
 * The roles that see a block.
 *
 * @internal
 */
export type RoleOf<C extends ContractDefinition, B> = B extends "shared"
  ? RoleName<C>
  : B & RoleName<C>;

/**
 * Those of a contract's blocks that have requests or signals.
 *
 * @internal
 */
export type BlockWithCalls<C extends ContractDefinition> = keyof {
  [
    B in BlockName<C> as keyof OwnEntries<C, B, "clientToServer"> extends never
      ? never
      : B
  ]: 1;
};

/** All handlers of a contract. A block without calls may be left out. */
export type Implementation<C extends ContractDefinition, A> =
  & { readonly [B in BlockWithCalls<C>]: Handlers<C, B & BlockName<C>, A> }
  & {
    readonly [B in Exclude<BlockName<C>, BlockWithCalls<C>>]?: Record<
      string,
      never
    >;
  };
