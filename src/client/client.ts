/**
 * The client: a method for each request and signal of its role, events, and topics that survive reconnects.
 *
 * @example Call a server
 * ```ts ignore
 * import { createClient } from "@super-line/edge/client";
 * import { api } from "./api.ts";
 *
 * const client = createClient(api, { url: "ws://localhost:3000", role: "user" });
 * client.on("message", ({ from, text }) => console.log(from, text));
 * await client.join({ room: "lobby" });
 * ```
 *
 * @module
 */
import type { Contract } from "../contract/define.ts";
import type { ContractDefinition, RoleName } from "../contract/types.ts";
import { ClientCore } from "./core.ts";
import { webSocket } from "./transport.ts";
import type { Client, ClientOptions } from "./types.ts";

export { backoffDelay } from "../shared/backoff.ts";
export type { BackoffOptions } from "../shared/backoff.ts";
export { isSocketError, SocketError } from "../wire/errors.ts";
export { settle } from "../wire/settle.ts";
export type { Outcome } from "../wire/settle.ts";
export type { ErrorCode } from "../wire/errors.ts";
export type {
  ClientState,
  ClientStatus,
  WebSocketConstructor,
  WebSocketLike,
} from "./link.ts";
export { webSocket } from "./transport.ts";
export type { Transport } from "./transport.ts";
export type { Contract } from "../contract/define.ts";
export type {
  Answer,
  CallArgument,
  CallError,
  CallInput,
  CallResult,
  CallReturn,
  ContractDefinition,
  DeclaredError,
  Direction,
  ErrorCodeOf,
  ErrorData,
  ErrorMaker,
  EventKeys,
  EventName,
  LibraryError,
  PayloadOut,
  PayloadOutput,
  QuestionName,
  RoleEntries,
  RoleEntry,
  RoleName,
  StreamReturn,
  TopicName,
  TypedError,
} from "../contract/types.ts";
export type { Joined } from "../wire/joined.ts";
export type {
  AnswerInfo,
  CallOptions,
  Client,
  ClientAnswers,
  ClientBase,
  ClientOptions,
  ErrorsOf,
  Gap,
  InputOf,
  KeptSubscribeOptions,
  Method,
  SnapshotSubscribeOptions,
  StreamedAnswer,
  SubscribeOptions,
  Subscription,
  Supplied,
} from "./types.ts";

/**
 * Creates a client of one role and connects it; a `lazy` one when it is first used.
 *
 * Calls made before it is open wait; what was sent when a connection breaks rejects with DISCONNECTED, since it may
 * have run.
 *
 * @param contract What `defineContract` returned
 * @param options `url` and `role`, and what else is to differ from the defaults
 * @returns The client, connecting
 * @throws {TypeError} When the contract has no such role, or there is no `WebSocket` and it is not `lazy`
 *
 * @example A client of role user
 * ```ts ignore
 * const client = createClient(api, { url: "wss://chat.example/realtime", role: "user", params: { name: "ada" } });
 * const { id } = await client.say({ room: "lobby", text: "hello" });
 * ```
 */
export function createClient<
  C extends ContractDefinition,
  R extends RoleName<C>,
>(
  contract: Contract<C>,
  options: ClientOptions<R & string>,
): Client<C, R> {
  const role = options.role as string; // `RoleName` has strings only
  const surface = contract.roles.get(role);
  if (!surface) {
    const roles = [...contract.roles.keys()].join('", "');
    throw new TypeError(
      `Cannot create a client of role "${role}": no such role, must be one of "${roles}"`,
    );
  }
  const { transport, WebSocket, lazy } = options;
  if (!transport && !WebSocket && !globalThis.WebSocket && !lazy) {
    throw new TypeError(
      "Cannot create a client: there is no global WebSocket, must be passed as WebSocket",
    );
  }
  // The members that `Client` declares: `surface` is what its type was made of.
  return new ClientCore(
    contract,
    surface,
    options,
    (transport ?? [webSocket(WebSocket)]).reduce((first, next) =>
      next.behind?.(first) ?? next
    ),
  ) as unknown as Client<C, R>;
}
