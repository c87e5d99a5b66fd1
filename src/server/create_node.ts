/**
 * Makes nodes: runtime files give them sockets.
 *
 * @module
 */
import type { Adapter } from "../seams/adapter.ts";
import type {
  ConnectionSnapshot,
  Socket,
  SocketEvents,
} from "../seams/socket.ts";
import { ServerNode } from "./api/node.ts";
import type { Node } from "./api/types.ts";
import type { Contract } from "../contract/define.ts";
import type { AuthResult, ContractDefinition } from "../contract/types.ts";
import {
  createSettings,
  type ServerOptions,
  type Settings,
} from "./options.ts";
import { restore } from "./restore.ts";
import { Server } from "./server.ts";
import { checkAuthorize } from "./topics/authorize.ts";
import type { SleepHost } from "./sweep.ts";

/** A node, and what a runtime file needs of it. */
export interface CreatedNode<C extends ContractDefinition, A> {
  readonly node: Node<C, A>;
  /** The options with their defaults. */
  readonly settings: Settings;
  /**
   * Makes a connection again from its snapshot. No hook runs, and its client notices nothing.
   *
   * @returns `undefined` when the contract has no such role
   */
  restore(
    socket: Socket,
    snapshot: ConnectionSnapshot,
  ): SocketEvents | undefined;
  /** Looks at the deadlines: the time that the node asked its host for has come. */
  sweep(): void;
  /** Reports an error of the runtime's. */
  report(error: unknown): void;
  /** Writes a line to the console, at most one a second: strangers can cause it. */
  warn(message: string): void;
}

/**
 * Makes a node.
 *
 * @param contract What `defineContract` returned
 * @param options The options, `adapter` included
 * @param host Where the runtime may put the node to sleep under its live sockets
 * @throws {TypeError} When an argument is missing or an option is none
 */
export function createNode<
  C extends ContractDefinition,
  A extends AuthResult<C>,
>(
  contract: Contract<C>,
  options: ServerOptions<C, A> & { readonly adapter: Adapter },
  host?: SleepHost,
): CreatedNode<C, A> {
  if (!(contract?.roles instanceof Map)) {
    throw new TypeError(
      "Cannot create a server: the contract is not defined, must be what defineContract returned",
    );
  }
  // From here on names are strings and payloads unknown: the types above are checked where users write them.
  const settings = createSettings(options as never);
  checkAuthorize(contract as never, settings.authorizeSubscribe);
  const server = new Server(contract as never, settings, options.adapter, host);
  const node: Node = new ServerNode(server);
  return {
    node: node as never, // the same functions, whose names and payloads the contract's own types narrow
    settings,
    restore: (socket, snapshot) => restore(server, socket, snapshot),
    sweep: () => server.sweep(),
    warn: (message) => server.warn(message),
    report: (error) => server.report(error, { source: "internal" }),
  };
}
