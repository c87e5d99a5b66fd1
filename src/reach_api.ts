/**
 * What the author of a server holds to reach others: one connection, one user, one role, a room without somebody.
 *
 * @module
 */
import type {
  ContractDefinition,
  EmitIn,
  EventName,
  PayloadIn,
  RoleName,
  SharedEvent,
} from "./infer.ts";

/** The events that may be sent to a connection: those of a role, or the shared ones where none is named. */
export type TargetEvent<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
> = R extends RoleName<C> ? EventName<C, R> : SharedEvent<C>;
/** What such an event is sent with. */
export type TargetIn<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
  N,
> = R extends RoleName<C> ? EmitIn<C, R, N> : PayloadIn<C, "shared", N>;

/** One connection, on whatever node it is. Nothing is looked up: its id names the node. */
export interface ConnectionTarget<
  C extends ContractDefinition = ContractDefinition,
  R extends RoleName<C> | undefined = undefined,
> {
  /**
   * Sends an event to the connection, at most once and in order; does nothing when there is none of that id. One of
   * another role than was named does not get it; that goes to its node's `onError`.
   *
   * @param event An event of `shared`, or of the named role
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   * @throws {SocketError} UNAVAILABLE when it is on another node and `reach` is off
   */
  emit<N extends TargetEvent<C, R>>(event: N, data: TargetIn<C, R, N>): void;
  /**
   * Ends the connection; what was sent to it here before still leaves. Does nothing when there is none of that id.
   *
   * @param code As for `conn.close`
   * @param reason For people, at most 123 bytes
   * @throws {SocketError} UNAVAILABLE when it is on another node and `reach` is off
   */
  close(code?: number, reason?: string): void;
}

/** All connections that `identify` gave to one user, on all nodes. */
export interface UserTarget<C extends ContractDefinition = ContractDefinition> {
  /**
   * Sends a shared event to all of them, at most once and in order.
   *
   * @param event An event of `shared`
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  emit<N extends SharedEvent<C>>(
    event: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
  /**
   * Ends all of them; what was sent to the user here before still leaves.
   *
   * @param code As for `conn.close`: after 4401, 4403 and 4409 the clients do not come back
   * @param reason For people, at most 123 bytes
   */
  close(code?: number, reason?: string): void;
}

/** All connections of one role, on all nodes. */
export interface RoleTarget<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /**
   * Sends an event to all of them, at most once and in order.
   *
   * @param event An event of `shared` or of the role
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   * @throws {SocketError} UNAVAILABLE while `reach` is off
   */
  emit<N extends EventName<C, R>>(event: N, data: EmitIn<C, R, N>): void;
}

/** A room without some of its members. */
export interface RoomRest<C extends ContractDefinition = ContractDefinition> {
  /**
   * As the room's own, for all other members.
   *
   * @param event An event of `shared`
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  broadcast<N extends SharedEvent<C>>(
    event: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
}
