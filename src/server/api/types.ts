/**
 * The public interface of a server: rooms, targets, the cluster, the node itself.
 *
 * @module
 */
import type { AskOptions } from "../cluster/ask_options.ts";
import type { NodeInfo, NodeListener } from "../cluster/directory.ts";
import type { ConnectionInfo } from "../presence/query.ts";
import type { WatchListener } from "../presence/watch.ts";
import type { Handshake, HandshakeExtras } from "../handshake/handshake.ts";
import type { Implementation } from "../types/handlers.ts";
import type { AnyConnection, Connection } from "../types/connection.ts";
import type {
  Answer,
  BlockEntry,
  CallArgument,
  CallError,
  CallResult,
  ContractDefinition,
  CtxOf,
  EmitIn,
  EventName,
  OwnEntries,
  ParamsOut,
  PayloadIn,
  QuestionName,
  RoleEntry,
  RoleName,
  RoleTopic,
  ServerEntry,
  ServerEvent,
  ServerEventIn,
  ServerEventOut,
  ServerQuestion,
  ServerReturn,
  SharedEntry,
  SharedEvent,
  SharedQuestion,
  SharedTopic,
  SnapshotIn,
  SnapshotKeys,
  TopicArgs,
} from "../../contract/types.ts";
import type {
  Published,
  PublishOptions,
  SnapshotFunction,
} from "../topics/kept_topics.ts";
import type { Off, ReadyOff } from "../../wire/off.ts";
import type { AdapterStatus } from "../fanout/relay.ts";
import type { SocketError } from "../../wire/errors.ts";
import type { Joined } from "../../wire/joined.ts";
import type { Stats } from "../stats/counters.ts";

/** A set of connections across all nodes that receive the same events. A room exists while it has members. */
export interface Room<C extends ContractDefinition = ContractDefinition> {
  /** The number of members on this node. */
  readonly size: number;
  /** The members on this node. */
  readonly connections: Connection<C>[];
  /**
   * Adds a connection, on this node before it returns. A closed connection is ignored.
   *
   * @param conn A connection of this server
   * @returns Resolves with `{ live: true }` when broadcasts of other nodes arrive, or with `{ live: false }` at once
   * while the adapter is down, and after `subscribeTimeoutMs`. Never rejects, so you need not await it.
   * @throws {SocketError} RATE_LIMITED if the connection is in `maxRooms` rooms already
   */
  add(conn: AnyConnection): Promise<Joined>;
  /**
   * Removes a connection before it returns. Does nothing if the connection is not a member.
   *
   * @param conn A connection of this server
   */
  remove(conn: AnyConnection): void;
  /**
   * Sends a shared event to all members on all nodes, at most once and in order.
   *
   * @param event An event of `shared`
   * @param data The payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues
   */
  broadcast<N extends SharedEvent<C>>(
    event: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
  /**
   * Returns the room without some connections, such as the sender of a message.
   *
   * @param conns Connections of this server
   */
  except(...conns: AnyConnection[]): RoomRest<C>;
  /**
   * Sends a request to all members on all nodes, and collects their answers.
   *
   * @param question A question of `shared`
   * @param input The input
   * @param options `timeoutMs` (5 000) and `signal`; when either ends the request, members that have not answered are
   * notified. A node that does not answer is waited for 1 s longer, 5 s over REST, at most twice `timeoutMs`
   * @returns Resolves when all have answered or time out, with the answers and those that are missing
   * @throws {SocketError} As a rejection: UNAVAILABLE while `reach` is off
   */
  request<N extends SharedQuestion<C>>(
    question: N,
    input: CallArgument<SharedEntry<C, N>>,
    options?: AskOptions,
  ): Promise<RoomAnswers<CallResult<SharedEntry<C, N>>>>;
}

/**
 * The arguments of `publish` after the topic's name.
 *
 * @internal
 */
export type PublishArgs<E, Payload> = TopicArgs<
  E,
  [E] extends [{ readonly keep: unknown }]
    ? [E] extends [never] ? [data: Payload]
    : [data: Payload, options?: PublishOptions]
    : [data: Payload]
>;
/**
 * What `publish` returns: of a kept topic a promise that never rejects.
 *
 * @internal
 */
export type PublishResult<E> = E extends { readonly keep: unknown }
  ? Promise<Published>
  : void;

/** Publishes the topics of one role. */
export interface RoleScope<
  C extends ContractDefinition,
  R extends RoleName<C>,
  A = unknown,
> {
  /**
   * Publishes a topic of the role to its subscribers on all nodes, at most once and in order.
   *
   * @param topic A topic of the role, not of `shared`
   * @param args The topic's parameters if it has some, then the payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues; or if the parameters are refused
   */
  publish<N extends RoleTopic<C, R>>(
    topic: N,
    ...args: PublishArgs<BlockEntry<C, R, N>, PayloadIn<C, R, N>>
  ): PublishResult<BlockEntry<C, R, N>>;
  /**
   * Gives the function that makes the snapshots of a kept topic of the role.
   *
   * @param topic A topic of the role with a `snapshot`
   * @param make As for {@linkcode Node.snapshot}
   * @throws {TypeError} When the topic has a function already
   */
  snapshot<N extends SnapshotKeys<OwnEntries<C, R, "serverToClient">>>(
    topic: N,
    make: SnapshotFunction<
      ParamsOut<BlockEntry<C, R, N>>,
      CtxOf<A, R>,
      Connection<C, R, CtxOf<A, R>>,
      SnapshotIn<BlockEntry<C, R, N>>
    >,
  ): void;
}

/** The connections, rooms and topics of this node alone. */
export interface Local<C extends ContractDefinition> {
  /** The connections of this node. */
  readonly connections: Connection<C>[];
  /** The rooms that have members on this node, with their number. */
  readonly rooms: Map<string, number>;
  /**
   * The topics that have subscribers on this node, with their number; a role's own topic as `role:topic`, and one with
   * parameters as `topic{"name":"value"}`.
   */
  readonly topics: Map<string, number>;
}

/** Options of `close`. */
export interface CloseOptions {
  /**
   * How long requests in flight may take, in milliseconds. Clients are told to reconnect to another node within that
   * time.
   *
   * @default {0}
   */
  readonly drainMs?: number;
}

/**
 * A node: the server of one contract, independent of a runtime.
 *
 * `C` is the contract's definition and `A` what `authenticate` returns.
 */
export interface Node<
  C extends ContractDefinition = ContractDefinition,
  // deno-lint-ignore no-explicit-any -- a node of any login takes every other
  A = any,
> {
  /** The node's id, unique in the cluster and new at every start. */
  readonly nodeId: string;
  /** The connections, rooms and topics of this node alone. */
  readonly local: Local<C>;
  /**
   * Sets all handlers in one call.
   *
   * @param handlers A block for `shared` and for each role that has calls
   * @returns The server itself
   * @throws {TypeError} If a handler is missing or has no entry in the contract, naming it; or when called again
   */
  implement(handlers: Implementation<C, A>): this;
  /**
   * Returns a room. Rooms are not created or deleted explicitly.
   *
   * @param name Well-formed Unicode of 1 to 256 bytes, compared byte for byte
   * @throws {SocketError} BAD_REQUEST for an invalid name
   */
  room(name: string): Room<C>;
  /**
   * Publishes a shared topic to its subscribers on all nodes, at most once and in order.
   *
   * @param topic A topic of `shared`
   * @param args The topic's parameters if it has some, then the payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues; or if the parameters are refused
   */
  publish<N extends SharedTopic<C>>(
    topic: N,
    ...args: PublishArgs<SharedEntry<C, N>, PayloadIn<C, "shared", N>>
  ): PublishResult<SharedEntry<C, N>>;
  /**
   * Gives the function that makes the snapshots of a kept topic, once a topic. It is called for each subscriber that
   * wants one: at first, and when messages were missed. At most `limits.maxSnapshots` run at once. What it throws is the
   * subscriber's error: a `SocketError` as itself, anything else as INTERNAL and to `onError`.
   *
   * @param topic A topic of `shared` with a `snapshot`
   * @param make Returns the present state; it may include messages that are published meanwhile and follow it
   * @returns The server itself
   * @throws {TypeError} When the topic has a function already
   */
  snapshot<N extends SnapshotKeys<OwnEntries<C, "shared", "serverToClient">>>(
    topic: N,
    make: SnapshotFunction<
      ParamsOut<SharedEntry<C, N>>,
      CtxOf<A, RoleName<C>>,
      Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
      SnapshotIn<SharedEntry<C, N>>
    >,
  ): this;
  /**
   * Selects the role whose topics to publish.
   *
   * @param role A role of the contract
   */
  forRole<R extends RoleName<C>>(role: R): RoleScope<C, R, A>;
  /**
   * Returns a connection by its id, on any node.
   *
   * @param id A connection's `id`
   * @param role Its role, to send that role's events; a connection of another role does not receive them
   */
  toConn(id: string): ConnectionTarget<C>;
  /** As above, for a connection of one role. */
  toConn<R extends RoleName<C>>(id: string, role: R): ConnectionTarget<C, R>;
  /**
   * Returns all connections of one user, on all nodes.
   *
   * @param userId The id that `identify` returned
   * @throws {TypeError} Without the option `identify`
   * @throws {SocketError} BAD_REQUEST for an invalid id
   */
  toUser(userId: string): UserTarget<C>;
  /**
   * Returns all connections of one role, on all nodes.
   *
   * @param role A role of the contract
   */
  toRole<R extends RoleName<C>>(role: R): RoleTarget<C, R>;
  /**
   * Sends an event to every other node, at most once and without an answer. Does nothing if there is no other node.
   *
   * @param event An event of `serverToServer`
   * @param data The payload
   * @throws {TypeError} If the schema refuses the data; `cause` has the issues
   */
  emitServer<N extends ServerEvent<C>>(
    event: N,
    data: ServerEventIn<C, N>,
  ): void;
  /**
   * Listens to events of other nodes, or answers a question of any node, including this one. An event that the schema
   * refuses is counted in `stats().refusedServerEvents`, and the first of each is reported.
   *
   * @param event An entry of `serverToServer`
   * @param fn Called with the validated data; returns the answer to a question
   * @returns Removes the listener
   * @throws {TypeError} If the question has a listener on this node
   */
  onServer<N extends ServerEvent<C> | ServerQuestion<C>>(
    event: N,
    fn: (data: ServerEventOut<C, N>) => ServerReturn<C, N>,
  ): ReadyOff;
  /**
   * Sends a question to all nodes, including this one, and collects their answers.
   *
   * @param question A `serverToServer` entry with `input` and `output`
   * @param input The input
   * @param options `timeoutMs` (5 000) and `signal`
   * @returns Resolves when all have answered or time out, with the answers and the nodes that are missing
   * @throws {TypeError} As a rejection, if the schema refuses the input
   * @throws {SocketError} As a rejection: UNAVAILABLE while `reach` is off
   */
  askServers<N extends ServerQuestion<C>>(
    question: N,
    input: CallArgument<ServerEntry<C, N>>,
    options?: AskOptions,
  ): Promise<ServerAnswers<CallResult<ServerEntry<C, N>>>>;
  /**
   * Tells whether a user has a connection on any node.
   *
   * @param userId The id that `identify` returned
   */
  isOnline(userId: string): Promise<boolean>;
  /** The cluster that this node is part of. */
  readonly cluster: Cluster;
  /** Tells whether the adapter reaches its broker, and since when. */
  status(): AdapterStatus;
  /** Returns counters and current sizes. */
  stats(): Stats;
  /**
   * Decides about an upgrade request. For runtime files and transports, which then pass the socket.
   *
   * @param request The upgrade request
   * @param extras What only the caller knows
   * @returns An HTTP response, or a function that opens the connection. Never rejects.
   */
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
  /**
   * Closes the server: refuses new connections, closes open ones with 1012, then closes the adapter.
   *
   * @param options `drainMs`
   * @returns Resolves when everything is closed; a second call returns the same promise
   */
  close(options?: CloseOptions): Promise<void>;
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The events that a target takes: those of its role, or the shared ones where no role is given.
 *
 * @internal
 */
export type TargetEvent<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
> = R extends RoleName<C> ? EventName<C, R> : SharedEvent<C>;
/**
 * The data of such an event.
 *
 * @internal
 */
export type TargetIn<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
  N,
> = R extends RoleName<C> ? EmitIn<C, R, N> : PayloadIn<C, "shared", N>;
/**
 * The questions that a target takes: those of its role, or the shared ones where no role is given.
 *
 * @internal
 */
export type TargetQuestion<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
> = R extends RoleName<C> ? QuestionName<C, R> : SharedQuestion<C>;
/**
 * The entry of such a question.
 *
 * @internal
 */
export type TargetEntry<
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
  N,
> = R extends RoleName<C> ? RoleEntry<C, R, N> : SharedEntry<C, N>;
/**
 * The names of a role's events or questions.
 *
 * @internal
 */
export type NameOf<
  Kind extends "event" | "question",
  C extends ContractDefinition,
  R extends RoleName<C>,
> = Kind extends "event" ? EventName<C, R> : QuestionName<C, R>;
/**
 * The names that only a target with a role takes; `never` where a role is given.
 *
 * @internal
 */
export type RoleOnly<
  Kind extends "event" | "question",
  C extends ContractDefinition,
  R extends RoleName<C> | undefined,
> = R extends RoleName<C> ? never
  : { [One in RoleName<C>]: NameOf<Kind, C, One> }[RoleName<C>];
/**
 * A name that a target takes, or for one of a role's own names the error message: how to give the role.
 *
 * @internal
 */
export type TargetName<
  Kind extends "event" | "question",
  C extends ContractDefinition,
  N,
  Valid,
> = N extends Valid ? N
  : {
    [One in RoleName<C>]: N extends NameOf<Kind, C, One>
      ? `Give the role: toConn(id, '${One & string}')`
      : never;
  }[RoleName<C>];

/** A connection on any node. No look-up is needed: the id contains the node. */
export interface ConnectionTarget<
  C extends ContractDefinition = ContractDefinition,
  R extends RoleName<C> | undefined = undefined,
> {
  /**
   * Sends an event to the connection, at most once and in order. Does nothing if there is no such connection. If it has
   * another role than the given one, it does not receive the event, and its node's `onError` is called.
   *
   * @param event An event of `shared`, or of the given role
   * @param data The payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues
   * @throws {SocketError} UNAVAILABLE if the connection is on another node and `reach` is off
   */
  emit<N extends TargetEvent<C, R> | RoleOnly<"event", C, R>>(
    event: TargetName<"event", C, N, TargetEvent<C, R>>,
    data: TargetIn<C, R, N>,
  ): void;
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
  request<N extends TargetQuestion<C, R> | RoleOnly<"question", C, R>>(
    question: TargetName<"question", C, N, TargetQuestion<C, R>>,
    input: CallArgument<TargetEntry<C, R, N>>,
    options?: AskOptions,
  ): Answer<
    CallResult<TargetEntry<C, R, N>>,
    CallError<TargetEntry<C, R, N>>
  >;
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
   * @param data The payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues
   * @throws {SocketError} UNAVAILABLE while `reach` is off
   */
  emit<N extends EventName<C, R>>(event: N, data: EmitIn<C, R, N>): void;
}

/** A room without some of its members. */
export interface RoomRest<C extends ContractDefinition = ContractDefinition> {
  /**
   * As the room's `broadcast`, for all other members.
   *
   * @param event An event of `shared`
   * @param data The payload
   * @throws {TypeError} If the schema refuses the payload; `cause` has the issues
   */
  broadcast<N extends SharedEvent<C>>(
    event: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
}

/** The answers of several clients. */
export interface RoomAnswers<Output> {
  /** The answers, each with its connection's id, in the order in which the nodes answered. */
  readonly answers: { id: string; output: Output }[];
  /**
   * Errors: those of clients, of outputs that the schema refused (VALIDATION), and of clients that disconnected
   * (DISCONNECTED).
   */
  readonly failed: { id: string; error: SocketError }[];
  /** The ids of connections that did not answer in time. */
  readonly missing: string[];
  /** The nodes that did not answer, so that their connections are not known. */
  readonly missingNodes: string[];
}

/** The answers of the nodes. */
export interface ServerAnswers<Output> {
  /** The answers, each with its node's id, in the order of arrival; this node's own included. */
  readonly answers: { nodeId: string; output: Output }[];
  /** Errors of nodes; NOT_FOUND if a node has no listener for the question. */
  readonly failed: { nodeId: string; error: SocketError }[];
  /** The nodes that did not answer in time. */
  readonly missing: string[];
}

/** The cluster that a node is part of. */
export interface Cluster {
  /**
   * Returns the nodes, this one first. A crashed node is included until it was silent for 15 seconds.
   *
   * @returns Resolves at once, but after the start only when the other nodes have answered. That takes one round trip
   * if there was another node before, and half a second at most, 5 s over REST, if none answers
   */
  nodes(): Promise<NodeInfo[]>;
  /**
   * Listens to nodes that join and leave: at once when they are closed, after 15 seconds when they crash.
   *
   * @param fn Called with each change, not with the present nodes
   * @returns Removes the listener
   */
  onNode(fn: NodeListener): Off;
  /**
   * Returns all connections of all nodes, transferred in parts if there are many. With the option `presence` they are
   * read from the broker. Without it every node is asked, as for all methods below, and a node that does not answer
   * within 5 s is left out.
   *
   * @throws {SocketError} As a rejection: UNAVAILABLE while neither `presence` nor `reach` is on; with `presence`, if
   * the broker cannot be reached, or refuses this node's writes
   */
  connections(): Promise<ConnectionInfo[]>;
  /** Counts the connections of all nodes. Only numbers are transferred. */
  count(): Promise<number>;
  /**
   * Returns the connections of one user, on all nodes.
   *
   * @param userId The id that `identify` returned
   */
  byUser(userId: string): Promise<ConnectionInfo[]>;
  /**
   * Returns the members of a room, on all nodes.
   *
   * @param name The room's name
   */
  room(name: string): Promise<ConnectionInfo[]>;
  /** Returns the number of connections of each node that answered in time. */
  topology(): Promise<{ nodeId: string; connections: number }[]>;
  /**
   * Watches the members of a room, the connections of a user, or all connections, on all nodes. Present connections are
   * reported first, as joins. A connection that comes and goes within one turn is not reported. Changes during an
   * outage of the broker are reported after it. The connections of a crashed node leave when it was silent for 15
   * seconds.
   *
   * While a node watches, each node sends it its own connections; otherwise watching costs nothing.
   *
   * @param who `{ room }`, `{ userId }`, or `{}` for all connections
   * @param listener Called in order for each connection
   * @returns Ends the watch; `ready` resolves when all nodes have sent their connections, with `{ live: false }` if
   * some have not within five seconds
   * @throws {SocketError} UNAVAILABLE while `reach` is off
   */
  watch(
    who: { readonly room?: string; readonly userId?: string },
    listener: WatchListener,
  ): ReadyOff;
}
