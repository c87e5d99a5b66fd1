/**
 * Creates nodes. Runtime files pass them sockets.
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
import { createReference } from "../shared/reference.ts";
import { restore } from "./restore.ts";
import { Server } from "./server.ts";
import { checkAuthorize } from "./topics/authorize.ts";
import { checkKept } from "./topics/kept_topics.ts";
import type { SleepHost } from "./sweep.ts";

/** A server's options with an adapter. */
type OptionsOf<C extends ContractDefinition, A extends AuthResult<C>> =
  & ServerOptions<C, A>
  & { readonly adapter: Adapter };

/** A node, and what a runtime file needs of it. */
export interface CreatedNode<C extends ContractDefinition, A> {
  readonly node: Node<C, A>;
  /** The options with their defaults. */
  readonly settings: Settings;
  /** The adapter of the options. */
  readonly adapter: Adapter;
  /**
   * Restores a connection from its snapshot. No hook runs, and the client notices nothing.
   *
   * @returns `undefined` if the contract has no such role
   */
  restore(
    socket: Socket,
    snapshot: ConnectionSnapshot,
  ): SocketEvents | undefined;
  /**
   * Passes texts on to the same part of another node.
   *
   * @returns What it answered; `undefined` if there is no such node
   * @throws {SocketError} UNAVAILABLE or TIMEOUT, as a rejection, if the node cannot be reached now
   */
  forward(
    nodeId: string,
    kind: string,
    texts: readonly string[],
    timeoutMs: number,
  ): Promise<readonly unknown[] | undefined>;
  /** Sets what answers the texts that other nodes pass on. */
  onForwarded(
    kind: string,
    answer: (texts: readonly string[]) => Promise<readonly unknown[]>,
  ): void;
  /** Checks the deadlines; to be called at the time that the node requested of its host. */
  sweep(): void;
  /** Reports an error of the runtime. */
  report(error: unknown): void;
  /** Writes a line to the console, at most one a second, since clients can cause it. */
  warn(message: string): void;
}

/**
 * Creates a node.
 *
 * @param contract A contract that `defineContract` returned
 * @param options The options, `adapter` included; or a function of the node that returns them
 * @param host The host of a node that may be taken out of memory while its sockets stay open
 * @throws {TypeError} If an argument is missing or an option is wrong
 */
export function createNode<
  C extends ContractDefinition,
  A extends AuthResult<C>,
>(
  contract: Contract<C>,
  options: OptionsOf<C, A> | ((srv: Node<C>) => OptionsOf<C, A>),
  host?: SleepHost,
): CreatedNode<C, A> {
  if (!(contract?.roles instanceof Map)) {
    throw new TypeError(
      "Cannot create a server: the contract is not defined, must be what defineContract returned",
    );
  }
  // From here on names are strings and payloads unknown: the types above are checked where users write them.
  const reference = createReference<Node>(
    "Cannot use the server yet: its options are being made, use it in a hook",
  );
  const given = typeof options === "function"
    ? options(reference.value as never)
    : options;
  const settings = createSettings(given as never);
  checkAuthorize(contract as never, settings.authorizeSubscribe);
  checkKept(contract as never, given.adapter);
  const server = new Server(contract as never, settings, given.adapter, host);
  const node: Node = new ServerNode(server);
  reference.set(node);
  return {
    node: node as never, // the same functions, with names and payloads typed by the contract
    settings,
    adapter: given.adapter,
    restore: (socket, snapshot) => restore(server, socket, snapshot),
    forward: (...args) => server.reach.forward(...args),
    onForwarded: (...args) => server.reach.onForwarded(...args),
    sweep: () => server.sweep(),
    warn: (message) => server.warn(message),
    report: (error) => server.report(error, { source: "internal" }),
  };
}
