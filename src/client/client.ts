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
import { addressOf } from "./address.ts";
import { ClientCore } from "./core.ts";
import { webSocket } from "./transport.ts";
import type { ClientSurface, Names } from "./surface.ts";
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
export type { Off, ReadyOff } from "../wire/off.ts";
export type { ClientSurface } from "./surface.ts";
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
 * @param contract The contract that `defineContract` returned, or the surface of one role that `clientSurface` returned
 * when the app was built. A surface has no schemas, so no payload can be validated by it
 * @param options `url` and `role`, and every option that differs from its default
 * @returns The client, connecting
 * @throws {TypeError} When an argument is missing, the contract has no such role, `url` is no URL, or there is no
 * `WebSocket`; a `lazy` client needs neither before it connects
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
  contract: Contract<C> | ClientSurface,
  options: ClientOptions<R & string>,
): Client<C, R> {
  if (!contract || !options) {
    throw new TypeError(
      "Cannot create a client: must be createClient(contract, { url, role })",
    );
  }
  const role = options.role as string; // `RoleName` has strings only
  const roles: ReadonlyMap<string, Names> = "roles" in contract
    ? contract.roles
    : new Map([[contract.role, contract]]);
  const surface = roles.get(role);
  if (!surface) {
    const known = [...roles.keys()].join('", "');
    throw new TypeError(
      `Cannot create a client of role "${role}": no such role, must be one of "${known}"`,
    );
  }
  if (options.validate === "inbound" && !("roles" in contract)) {
    throw new TypeError(
      "Cannot validate by a surface: it has no schemas, must be a contract",
    );
  }
  const { transport, WebSocket, url, lazy } = options;
  if (!transport && !WebSocket && !globalThis.WebSocket && !lazy) {
    throw new TypeError(
      "Cannot create a client: there is no global WebSocket, must be passed as WebSocket",
    );
  }
  if (typeof url !== "function" && !lazy) addressOf(url);
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
