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
export type { Adapter, AdapterHost, AdapterRest } from "./src/adapter.ts";
export type {
  PresenceChange,
  PresenceEntry,
  PresenceStore,
} from "./src/presence_store.ts";
export type {
  Asked,
  Between,
  Carried,
  CheckedBetween,
  CheckedCalls,
  CheckedPayloads,
  CheckedQuestion,
  CheckedSurface,
  Deeper,
  Flaw,
  Json,
  JsonLeaf,
  Lost,
  Named,
  NotJson,
  OnWire,
  Told,
} from "./src/carried.ts";
export { clientSurface } from "./src/client/surface.ts";
export type { ClientSurface } from "./src/client/surface.ts";
export { CloseCode } from "./src/close_codes.ts";
export type { ConnectionInfo } from "./src/census.ts";
export type { AskOptions } from "./src/asking.ts";
export type { NodeInfo, NodeListener } from "./src/directory.ts";
export { defineContract } from "./src/contract.ts";
export type {
  Call,
  Contract,
  Message,
  Question,
  Surface,
} from "./src/contract.ts";
export type { CallLimit, Counters, Refusal } from "./src/counters.ts";
export { isSocketError, SocketError } from "./src/errors.ts";
export type { ErrorCode } from "./src/errors.ts";
export type { Handshake, HandshakeExtras } from "./src/handshake.ts";
export type {
  BlockWithCalls,
  CallInfo,
  Handler,
  Handlers,
  Implementation,
} from "./src/implementation.ts";
export type {
  AuthResult,
  Block,
  BlockName,
  CallInput,
  CallReturn,
  ContractDefinition,
  CtxOf,
  DataIn,
  DataOf,
  Direction,
  EmitIn,
  EntriesOf,
  EventEntry,
  EventKeys,
  EventName,
  None,
  OwnEntries,
  PayloadIn,
  PayloadInput,
  QuestionKeys,
  QuestionName,
  RequestEntry,
  RoleDefinition,
  RoleEntries,
  RoleEntry,
  RoleName,
  RoleTopic,
  ServerEntries,
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
  SignalEntry,
  SurfaceDefinition,
  TopicEntry,
  TopicKeys,
  TopicName,
} from "./src/infer.ts";
export type {
  CallEnd,
  ObservedCall,
  Observer,
  Publication,
} from "./src/observer.ts";
export type { Kept } from "./src/kept.ts";
export type { Backpressure } from "./src/outbox.ts";
export type {
  Cluster,
  ConnectionTarget,
  RoleTarget,
  RoomAnswers,
  RoomRest,
  ServerAnswers,
  TargetEntry,
  TargetEvent,
  TargetIn,
  TargetQuestion,
  UserTarget,
  WatchListener,
} from "./src/reach_api.ts";
export type { AdapterStatus, Joined } from "./src/relay.ts";
export type { RelayCounters } from "./src/relay_counters.ts";
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
} from "./src/schema.ts";
export type { Serializer } from "./src/serializer.ts";
export type {
  Data,
  GroupDomain,
  Socket,
  SocketEvents,
  SocketGroups,
} from "./src/socket.ts";
export { DURATION_BOUNDS_MS } from "./src/tally.ts";
export type { AdapterStats, Stats } from "./src/stats.ts";
export type { CallKind, CallStats } from "./src/tally.ts";
export type {
  AnyConnection,
  CloseOptions,
  Connection,
  Local,
  Node,
  Off,
  RoleScope,
  Room,
} from "./src/server_api.ts";
export type {
  ErrorInfo,
  HandshakeInfo,
  LimitOptions,
  Middleware,
  MiddlewareInfo,
  ServerOptions,
} from "./src/server_options.ts";
