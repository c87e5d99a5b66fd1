/**
 * Typed real-time messaging: one contract, a server that implements it, clients that call it, on every runtime.
 *
 * This entry is for authors of contracts and servers; clients import `@super-line/edge/client`.
 *
 * @example A server with one request
 * ```ts
 * import { z } from "zod";
 * import { createSocketServer, defineContract } from "@super-line/edge";
 *
 * const api = defineContract({
 *   roles: { user: { clientToServer: { greet: { input: z.string(), output: z.string() } } } },
 * });
 * const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
 * srv.implement({ user: { greet: (name) => `Hello, ${name}` } });
 *
 * export default srv;
 * ```
 *
 * @module
 */
export { createInMemoryAdapter, MemoryBus } from "./adapters/memory.ts";
export type { Adapter, AdapterHost, AdapterRest } from "./src/seams/adapter.ts";
export type {
  Appended,
  AppendOptions,
  LogEntry,
  LogRead,
  LogStore,
} from "./src/seams/log.ts";
export {
  formatPosition,
  parsePosition,
  type Position,
  type PositionParts,
} from "./src/wire/position.ts";
export type {
  PresenceChange,
  PresenceEntry,
  PresenceStore,
} from "./src/seams/presence_store.ts";
export { clientSurface } from "./src/client/surface.ts";
export type { ClientSurface } from "./src/client/surface.ts";
export { CloseCode } from "./src/wire/close_codes.ts";
export type { ConnectionInfo } from "./src/server/presence/query.ts";
export type { AskOptions } from "./src/server/cluster/ask_options.ts";
export type { NodeInfo, NodeListener } from "./src/server/cluster/directory.ts";
export { defineContract } from "./src/contract/define.ts";
export type {
  Call,
  Contract,
  DefinitionOf,
  Keep,
  Message,
  Question,
  Surface,
  Topic,
} from "./src/contract/define.ts";
export type {
  AdapterStats,
  CallLimit,
  Counters,
  Refusal,
  Stats,
  TopicCounters,
} from "./src/server/stats/counters.ts";
export { isSocketError, SocketError } from "./src/wire/errors.ts";
export { settle } from "./src/wire/settle.ts";
export type { Outcome } from "./src/wire/settle.ts";
export type { ErrorCode } from "./src/wire/errors.ts";
export type {
  Handshake,
  HandshakeExtras,
} from "./src/server/handshake/handshake.ts";
export type {
  CallInfo,
  Handler,
  Handlers,
  Implementation,
  Middleware,
  MiddlewareInfo,
} from "./src/server/types/handlers.ts";
export type {
  Answer,
  AuthResult,
  CallError,
  ContractDefinition,
  DeclaredError,
  ErrorCodeOf,
  ErrorData,
  ErrorMaker,
  EventEntry,
  EventName,
  KeepDefinition,
  LibraryError,
  Login,
  LoginWithData,
  QuestionName,
  RequestEntry,
  RoleDefinition,
  RoleName,
  SignalEntry,
  StreamEntry,
  StreamReturn,
  SurfaceDefinition,
  TopicEntry,
  TopicName,
  TypedError,
} from "./src/contract/types.ts";
export type {
  CallEnd,
  ErrorInfo,
  ObservedCall,
  Observer,
  Publication,
} from "./src/server/stats/observer.ts";
export type {
  ConnectionSnapshot,
  GroupDomain,
  Socket,
  SocketEvents,
  SocketGroups,
} from "./src/seams/socket.ts";
export type { Backpressure } from "./src/server/connection/outbox.ts";
export type {
  CloseOptions,
  Cluster,
  ConnectionTarget,
  Local,
  Node,
  RoleScope,
  RoleTarget,
  Room,
  RoomAnswers,
  RoomRest,
  ServerAnswers,
  UserTarget,
} from "./src/server/api/types.ts";
export type { WatchListener } from "./src/server/presence/watch.ts";
export type {
  AdapterStatus,
  RelayCounters,
} from "./src/server/fanout/relay.ts";
export type {
  Published,
  PublishOptions,
  SnapshotFunction,
} from "./src/server/topics/kept_topics.ts";
export type { Joined } from "./src/wire/joined.ts";
export type { Off, ReadyOff } from "./src/wire/off.ts";
export { createSocketServer } from "./src/runtimes/any.ts";
export type { SocketServer } from "./src/runtimes/any.ts";
export type {
  BunServerLike,
  BunSocketLike,
  BunWebSocketHandler,
} from "./src/runtimes/bun.ts";
export type {
  InferInput,
  InferOutput,
  Issue,
  Schema,
  SchemaResult,
} from "./src/contract/schema.ts";
export type { Serializer } from "./src/wire/serializer.ts";
export type { Data } from "./src/wire/bytes.ts";
export { DURATION_BOUNDS_MS } from "./src/server/stats/call_stats.ts";
export type { CallKind, CallStats } from "./src/server/stats/call_stats.ts";
export type {
  AnyConnection,
  Connection,
} from "./src/server/types/connection.ts";
export type { AdmitInfo } from "./src/server/handshake/handshake.ts";
export type { HandshakeInfo } from "./src/server/handshake/authenticate.ts";
export type { LimitOptions, ServerOptions } from "./src/server/options.ts";
