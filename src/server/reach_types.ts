/**
 * What the author of a server holds to reach others: one connection, one user, one role, a room without somebody.
 *
 * @module
 */
import type { AskOptions } from "./cluster/ask_options.ts";
import type { ConnectionInfo } from "./presence/query.ts";
import type { NodeInfo, NodeListener } from "./cluster/directory.ts";
import type { SocketError } from "../wire/errors.ts";
import type { Off } from "./types.ts";
import type {
  CallArgument,
  CallResult,
  ContractDefinition,
  EmitIn,
  EventName,
  PayloadIn,
  QuestionName,
  RoleEntry,
  RoleName,
  SharedEntry,
  SharedEvent,
  SharedQuestion,
} from "../contract/types.ts";

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

/** The questions that may be put to a connection: those of a role, or the shared ones where none is named. */
export type TargetQuestion<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
> = R extends RoleName<C> ? QuestionName<C, R> : SharedQuestion<C>;
/** The entry of such a question. */
export type TargetEntry<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
  N,
> = R extends RoleName<C> ? RoleEntry<C, R, N> : SharedEntry<C, N>;

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
   * Asks the connection's client, which answers with what it gave to `implement`.
   *
   * @param question A question of `shared`, or of the named role
   * @param input What is asked
   * @param options `timeoutMs` (30 000) and `signal`; when either ends it, the client is told
   * @returns The answer, as its schema gave it back
   * @throws {TypeError} As a rejection, when the question's schema refuses the input
   * @throws {SocketError} As a rejection: DISCONNECTED at once when there is no such connection or node, and when it
   * goes; TIMEOUT; VALIDATION when the schema refuses the answer; NOT_FOUND when the client answers no such question or
   * is of another role; UNAVAILABLE when it is on another node and those are not heard; or what the client threw
   */
  request<N extends TargetQuestion<C, R>>(
    question: N,
    input: CallArgument<TargetEntry<C, R, N>>,
    options?: AskOptions,
  ): Promise<CallResult<TargetEntry<C, R, N>>>;
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

/** What many clients answered. */
export interface RoomAnswers<Output> {
  /** The answers, each with its connection's id, in the order in which they came. */
  readonly answers: { id: string; output: Output }[];
  /** Those who answered with an error, or what the schema refuses (VALIDATION), or went meanwhile (DISCONNECTED). */
  readonly failed: { id: string; error: SocketError }[];
  /** The ids of those who were asked and did not answer in time. */
  readonly missing: string[];
  /** The nodes that said nothing in time, so that nobody knows who is there. */
  readonly missingNodes: string[];
}

/** What the nodes answered. */
export interface ServerAnswers<Output> {
  /** The answers, each with its node's id, this node's own included, in the order in which they came. */
  readonly answers: { nodeId: string; output: Output }[];
  /** Nodes that answered with an error, NOT_FOUND where nothing listens to the question. */
  readonly failed: { nodeId: string; error: SocketError }[];
  /** The nodes that said nothing in time. */
  readonly missing: string[];
}

/** Is told who comes and goes. */
export interface WatchListener {
  /** One is there: it was already, or came. Called once for each. */
  readonly join?: (who: ConnectionInfo) => void;
  /** One is there no more, with what was told of it when it came: it left, ended, or its node did. */
  readonly leave?: (who: ConnectionInfo) => void;
}

/** The cluster that a node is part of. */
export interface Cluster {
  /**
   * The nodes that are there, this one first. A crashed one is among them until it was silent for 15 seconds.
   *
   * @returns At once, but half a second after the start at the earliest
   */
  nodes(): Promise<NodeInfo[]>;
  /**
   * Listens to nodes that come and go: those that end at once, crashed ones after 15 seconds.
   *
   * @param fn Called with each change, not with those that are there
   * @returns What ends it
   */
  onNode(fn: NodeListener): () => void;
  /**
   * All connections of all nodes. With the option `presence` they are read from the broker, a page at a time. Without
   * it every node is asked, as for all that follows, and tells of each of its own: for more than a few thousand a node
   * ask for less.
   *
   * @throws {SocketError} As a rejection: UNAVAILABLE when a node has more than the adapter carries at once; while
   * neither `presence` nor `reach` is on; with `presence`, when the broker cannot be reached
   */
  connections(): Promise<ConnectionInfo[]>;
  /** How many connections there are on all nodes: each node tells a number, or the broker does. */
  count(): Promise<number>;
  /**
   * The connections of one user, on all nodes.
   *
   * @param userId What `identify` returned for them
   */
  byUser(userId: string): Promise<ConnectionInfo[]>;
  /**
   * The members of a room, on all nodes.
   *
   * @param name The room's name
   */
  room(name: string): Promise<ConnectionInfo[]>;
  /** Each node that is there, or answered in time, with the number of its connections. */
  topology(): Promise<{ nodeId: string; connections: number }[]>;
  /**
   * Watches a room, a user's connections, or all, on all nodes. Those who are there are told first, as joins. What
   * comes and goes within one turn is not told; what was missed in an outage of the broker is told after it. The people
   * of a crashed node leave when it was silent for 15 seconds.
   *
   * While somebody watches, each node tells this one of its own connections; otherwise it costs nothing.
   *
   * @param who `{ room }`, `{ userId }`, or `{}` for all connections
   * @param listener Called in order for each connection
   * @returns What ends it; `ready` resolves when all nodes have said who is there, `{ live: false }` when some have not
   * in five seconds
   * @throws {SocketError} UNAVAILABLE while `reach` is off
   */
  watch(
    who: { readonly room?: string; readonly userId?: string },
    listener: WatchListener,
  ): Off;
}
