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
import type { Off } from "../fanout/hub.ts";
import type { AdapterStatus } from "../fanout/relay.ts";
import type { SocketError } from "../../wire/errors.ts";
import type { Joined } from "../../wire/joined.ts";
import type { Stats } from "../stats/counters.ts";

/** A set of connections, across all nodes, that get the same events. It exists while somebody is in it. */
export interface Room<C extends ContractDefinition = ContractDefinition> {
  /** How many members this node has. */
  readonly size: number;
  /** This node's members, as they are now. */
  readonly connections: Connection<C>[];
  /**
   * Makes a connection a member, on this node before it returns. A closed connection is left out.
   *
   * @param conn A connection of this server
   * @returns Resolves `{ live: true }` when the other nodes' broadcasts arrive, or `{ live: false }` at once while the
   * adapter is down, and after `subscribeTimeoutMs`. Never rejects, so it need not be awaited.
   * @throws {SocketError} RATE_LIMITED when the connection is in `maxRooms` rooms already
   */
  add(conn: AnyConnection): Promise<Joined>;
  /**
   * Ends a membership before it returns; of a non-member it does nothing.
   *
   * @param conn A connection of this server
   */
  remove(conn: AnyConnection): void;
  /**
   * Sends a shared event to all members on all nodes, at most once and in order.
   *
   * @param event An event of `shared`
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  broadcast<N extends SharedEvent<C>>(
    event: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
  /**
   * The room without some connections, such as the one that a message came from.
   *
   * @param conns Connections of this server
   */
  except(...conns: AnyConnection[]): RoomRest<C>;
  /**
   * Asks all members on all nodes, and gathers what they answer.
   *
   * @param question A question of `shared`
   * @param input What is asked
   * @param options `timeoutMs` (5 000) and `signal`; when either ends it, those who have not answered are told. A node
   * that says nothing is waited for 1 s longer, 5 s over REST, twice `timeoutMs` at most
   * @returns When all have answered or the time is over: the answers, and who gave none
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

/** What one role's own topics are published through. */
export interface RoleScope<
  C extends ContractDefinition,
  R extends RoleName<C>,
  A = unknown,
> {
  /**
   * Publishes a topic of the role to its subscribers on all nodes, at most once and in order.
   *
   * @param topic A topic of the role, not of `shared`
   * @param args The topic's parameters where it has some, then its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues; or when the parameters are
   * refused
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

/** What this node alone has. */
export interface Local<C extends ContractDefinition> {
  /** This node's connections, as they are now. */
  readonly connections: Connection<C>[];
  /** The rooms that have members here, with their number. */
  readonly rooms: Map<string, number>;
  /**
   * The topics that have subscribers here, with their number; a role's own topic as `role:topic`, and one with
   * parameters as `topic{"name":"value"}`.
   */
  readonly topics: Map<string, number>;
}

/** How a server ends. */
export interface CloseOptions {
  /**
   * How long requests in flight may take; clients are told to come back elsewhere within that time.
   *
   * @default {0}
   */
  readonly drainMs?: number;
}

/**
 * A node: one contract's server, before a runtime gives it sockets.
 *
 * `C` is the contract's definition and `A` what `authenticate` returns.
 */
export interface Node<
  C extends ContractDefinition = ContractDefinition,
  // deno-lint-ignore no-explicit-any -- a node of any login takes every other
  A = any,
> {
  /** Unique in the cluster, new at every start. */
  readonly nodeId: string;
  /** What this node alone has. */
  readonly local: Local<C>;
  /**
   * Gives all handlers, in one call.
   *
   * @param handlers A block for `shared` and for each role that has calls
   * @returns The server itself
   * @throws {TypeError} At once, when a handler is missing or has no entry, naming it; or when called again
   */
  implement(handlers: Implementation<C, A>): this;
  /**
   * A room by name; rooms are not made or deleted.
   *
   * @param name Well-formed Unicode of 1 to 256 bytes, compared byte for byte
   * @throws {SocketError} BAD_REQUEST for another name
   */
  room(name: string): Room<C>;
  /**
   * Publishes a shared topic to its subscribers on all nodes, at most once and in order.
   *
   * @param topic A topic of `shared`
   * @param args The topic's parameters where it has some, then its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues; or when the parameters are
   * refused
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
   * Picks the role whose own topics are to be published.
   *
   * @param role A role of the contract
   */
  forRole<R extends RoleName<C>>(role: R): RoleScope<C, R, A>;
  /**
   * One connection by its id, on whatever node it is.
   *
   * @param id A connection's `id`
   * @param role Its role, to send that role's own events; another role's connection does not get them
   */
  toConn(id: string): ConnectionTarget<C>;
  /** As above, for a connection of one role. */
  toConn<R extends RoleName<C>>(id: string, role: R): ConnectionTarget<C, R>;
  /**
   * All connections of one user, on all nodes.
   *
   * @param userId What `identify` returned for them
   * @throws {TypeError} Without the option `identify`
   * @throws {SocketError} BAD_REQUEST for what is no name
   */
  toUser(userId: string): UserTarget<C>;
  /**
   * All connections of one role, on all nodes.
   *
   * @param role A role of the contract
   */
  toRole<R extends RoleName<C>>(role: R): RoleTarget<C, R>;
  /**
   * Sends an event to every other node, at most once; no answer comes back. Alone it does nothing.
   *
   * @param event An event of `serverToServer`
   * @param data Its payload
   * @throws {TypeError} When the event's schema refuses the data; `cause` has the issues
   */
  emitServer<N extends ServerEvent<C>>(
    event: N,
    data: ServerEventIn<C, N>,
  ): void;
  /**
   * Listens to the other nodes' events, or answers a question between nodes, this one's own included. An event that
   * another node sent and the schema refuses is counted in `stats().refusedServerEvents`, and the first of each is
   * reported.
   *
   * @param event An entry of `serverToServer`
   * @param fn Called with what the schema accepts; returns the answer to a question
   * @returns What ends it
   * @throws {TypeError} When the question has a listener on this node
   */
  onServer<N extends ServerEvent<C> | ServerQuestion<C>>(
    event: N,
    fn: (data: ServerEventOut<C, N>) => ServerReturn<C, N>,
  ): Off;
  /**
   * Asks all nodes, this one included, and gathers what they answer.
   *
   * @param question A `serverToServer` entry with `input` and `output`
   * @param input What is asked
   * @param options `timeoutMs` (5 000) and `signal`
   * @returns When all have answered or the time is over: the answers, and which nodes gave none
   * @throws {TypeError} As a rejection, when the question's schema refuses the input
   * @throws {SocketError} As a rejection: UNAVAILABLE while `reach` is off
   */
  askServers<N extends ServerQuestion<C>>(
    question: N,
    input: CallArgument<ServerEntry<C, N>>,
    options?: AskOptions,
  ): Promise<ServerAnswers<CallResult<ServerEntry<C, N>>>>;
  /**
   * Tells whether a user has a connection, on any node.
   *
   * @param userId What `identify` returned for them
   */
  isOnline(userId: string): Promise<boolean>;
  /** The cluster that this node is part of. */
  readonly cluster: Cluster;
  /** Whether the adapter reaches its broker, and since when. */
  status(): AdapterStatus;
  /** What was counted so far, and how much is held. */
  stats(): Stats;
  /**
   * Decides about an upgrade; for runtime files and transports, which give the socket afterwards.
   *
   * @param request The upgrade request
   * @param extras What only the caller knows
   * @returns Either an HTTP response, or what opens the connection. Never rejects.
   */
  handshake(request: Request, extras?: HandshakeExtras): Promise<Handshake>;
  /**
   * Ends the server: no new connections, 1012 to those there are, then the adapter.
   *
   * @param options `drainMs`
   * @returns Resolves when all is over; a second call gives the same promise
   */
  close(options?: CloseOptions): Promise<void>;
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

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
  /** The answers, each with its connection's id: node by node, as each node answered. */
  readonly answers: { id: string; output: Output }[];
  /** Those who answered with an error, or what the schema refuses (VALIDATION), or went meanwhile (DISCONNECTED). */
  readonly failed: { id: string; error: SocketError }[];
  /** The ids of those who were asked and did not answer in time. */
  readonly missing: string[];
  /** The nodes that did not answer: it is not known which connections they have. */
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

/** The cluster that a node is part of. */
export interface Cluster {
  /**
   * The nodes that are there, this one first. A crashed one is among them until it was silent for 15 seconds.
   *
   * @returns At once; after the start, once this node has heard of the others. That takes one round trip where another
   * node was there before, and half a second at most, 5 s over REST, where none answers
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
   * All connections of all nodes, in parts where there are many. With the option `presence` they are read from the
   * broker. Without it every node is asked, as for all that follows, and one that does not answer within 5 s is left
   * out.
   *
   * @throws {SocketError} As a rejection: UNAVAILABLE while neither `presence` nor `reach` is on; with `presence`, when
   * the broker cannot be reached, or does not accept what this node writes
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
