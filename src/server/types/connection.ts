/**
 * A client's connection, as handlers, hooks and middleware see it.
 *
 * @module
 */
import type {
  ContractDefinition,
  DataOf,
  EmitIn,
  EventName,
  RoleName,
} from "../../contract/types.ts";

/** What is the same in all connections, whatever their contract and role. */
export interface AnyConnection {
  /** Unique in the cluster; starts with the node's id. */
  readonly id: string;
  /** The role that `authenticate` gave. */
  readonly role: string;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly connectedAt: number;
  /** How many events and topic messages were dropped since it reads too slowly. */
  readonly dropped: number;
  /** The names of the rooms that it is in, as they are now. */
  readonly rooms: string[];
  /**
   * Ends the connection. What was sent before still leaves. A second call does nothing.
   *
   * @param code 1000 to 1014 or 3000 to 4999, 1000 when left out; after 4401, 4403 and 4409 the client does not come back
   * @param reason For people, at most 123 bytes
   */
  close(code?: number, reason?: string): void;
}

/** One client's connection, as handlers and hooks see it. */
export interface Connection<
  C extends ContractDefinition = ContractDefinition,
  R extends RoleName<C> = RoleName<C>,
  Ctx = unknown,
> extends AnyConnection {
  /** The role that `authenticate` gave. */
  readonly role: R & string;
  /** What `authenticate` returned as `ctx`. */
  readonly ctx: Ctx;
  /** What `authenticate` returned as `data`, as the role's schema gave it back. */
  readonly data: DataOf<C, R>;
  /**
   * Sends an event to this connection alone, at most once and in order; does nothing when it is closed.
   *
   * @param event An event of `shared` or of the role
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  emit<N extends EventName<C, R>>(event: N, data: EmitIn<C, R, N>): void;
}
