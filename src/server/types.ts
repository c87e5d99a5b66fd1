/**
 * What the author of a server holds in hand: connections, rooms, the server itself.
 *
 * @module
 */
import type { AskOptions } from "./cluster/ask_options.ts";
import type { Handshake, HandshakeExtras } from "./handshake/handshake.ts";
import type { Implementation } from "./handlers.ts";
import type {
  CallArgument,
  CallResult,
  ContractDefinition,
  DataOf,
  EmitIn,
  EventName,
  PayloadIn,
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
} from "../contract/types.ts";
import type {
  Cluster,
  ConnectionTarget,
  RoleTarget,
  RoomAnswers,
  RoomRest,
  ServerAnswers,
  UserTarget,
} from "./reach_types.ts";
import type { AdapterStatus } from "./fanout/relay.ts";
import type { Joined } from "../wire/joined.ts";
import type { Stats } from "./stats/stats.ts";

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
   * @param options `timeoutMs` (5 000) and `signal`; when either ends it, those who have not answered are told
   * @returns When all have answered or the time is over: the answers, and who gave none
   * @throws {SocketError} As a rejection: UNAVAILABLE while `reach` is off
   */
  request<N extends SharedQuestion<C>>(
    question: N,
    input: CallArgument<SharedEntry<C, N>>,
    options?: AskOptions,
  ): Promise<RoomAnswers<CallResult<SharedEntry<C, N>>>>;
}

/** What one role's own topics are published through. */
export interface RoleScope<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /**
   * Publishes a topic of the role to its subscribers on all nodes, at most once and in order.
   *
   * @param topic A topic of the role, not of `shared`
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  publish<N extends RoleTopic<C, R>>(topic: N, data: PayloadIn<C, R, N>): void;
}

/** What ends a listener. */
export interface Off {
  /** Ends it; a second call does nothing. */
  (): void;
  /** Resolves when the other nodes' events arrive. Never rejects. */
  readonly ready: Promise<Joined>;
}

/** What this node alone has. */
export interface Local<C extends ContractDefinition> {
  /** This node's connections, as they are now. */
  readonly connections: Connection<C>[];
  /** The rooms that have members here, with their number. */
  readonly rooms: Map<string, number>;
  /** The topics that have subscribers here, with their number; a role's own topic as `role:topic`. */
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
  A = unknown,
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
   * @param data Its payload
   * @throws {TypeError} When the payload's schema refuses the data; `cause` has the issues
   */
  publish<N extends SharedTopic<C>>(
    topic: N,
    data: PayloadIn<C, "shared", N>,
  ): void;
  /**
   * Picks the role whose own topics are to be published.
   *
   * @param role A role of the contract
   */
  forRole<R extends RoleName<C>>(role: R): RoleScope<C, R>;
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
