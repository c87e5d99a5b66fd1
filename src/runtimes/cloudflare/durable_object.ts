/**
 * Durable Objects as nodes.
 *
 * @module
 */
import { createInMemoryAdapter } from "../../../adapters/memory.ts";
import type { Adapter } from "../../seams/adapter.ts";
import type { Contract } from "../../contract/define.ts";
import { type CreatedNode, createNode } from "../../server/create_node.ts";
import type { AuthResult, ContractDefinition } from "../../contract/types.ts";
import type { Node } from "../../server/api/types.ts";
import type { ServerOptions } from "../../server/options.ts";
import { createHttpTransport, type HttpTransport } from "../http.ts";
import { httpHostOf } from "../http_host.ts";
import { Alarm } from "./alarm.ts";
import { Attachments } from "./attachment.ts";
import { DurableSockets } from "./sockets.ts";
import type { DurableSocketLike, DurableStateLike } from "./types.ts";
import { takeIdentity } from "./identity_header.ts";
import { Rest, restSettings } from "./rest.ts";

/** The options of a Durable Object: those of a server, and how it rests. */
export interface DurableOptions<
  C extends ContractDefinition,
  A extends AuthResult<C>,
> extends ServerOptions<C, A> {
  /**
   * After how long without client messages the object stops polling other nodes, in milliseconds. For adapters that
   * poll.
   *
   * @default {30000}
   */
  readonly idleAfterMs?: number;
  /**
   * How often it wakes then to poll, in milliseconds; messages of other nodes may be that late.
   *
   * @default {60000}
   */
  readonly sleepPollMs?: number;
}

/** The methods that Cloudflare calls. A subclass may handle other requests in `fetch`, and reach clients with `srv`. */
export interface DurableNode<
  C extends ContractDefinition = ContractDefinition,
  // deno-lint-ignore no-explicit-any -- a node of any login takes every other
  A = any,
> {
  /** The node, with the same functions as on every host. */
  readonly srv: Node<C, A>;
  /** Upgrades a request, or refuses it. */
  fetch(request: Request): Promise<Response>;
  /** The alarm fired. */
  alarm(): Promise<void> | void;
  /** A message arrived; settles when all calls it started have settled. */
  webSocketMessage(
    ws: DurableSocketLike,
    message: string | ArrayBuffer,
  ): Promise<void> | undefined;
  /** A client closes its socket. */
  webSocketClose(ws: DurableSocketLike, code: number, reason: string): void;
  /** A client's socket failed. */
  webSocketError(ws: DurableSocketLike): void;
}

/** An adapter that receives requests from outside of its object, such as that of `./adapters/durable-object`. */
interface ReachableAdapter {
  /** Handles a request for the adapter. Returns `undefined` if it is not for the adapter. */
  take(request: Request): Promise<Response> | undefined;
}

/** A class of Durable Objects. */
export type DurableNodeClass<
  C extends ContractDefinition,
  A,
  Env,
> = new (state: DurableStateLike, env: Env) => DurableNode<C, A>;

/**
 * Creates a class of Durable Objects. Each object is a node, and sleeps between messages while its clients stay
 * connected.
 *
 * An object wakes to the same connections: their `id`, `role`, `ctx`, `data`, rooms and topics are saved, and
 * `onConnection` does not run again. `ctx` and `data` must be values that `structuredClone` accepts, at most 8 KiB
 * together; they stay as they were after `onConnection`. Everything else in memory is lost: `stats()`, the counts of
 * limits, variables of the module. The class sets the object's alarm.
 *
 * @param contract A contract that `defineContract` returned
 * @param options Returns the server's options; called at every wake-up with the bindings, the object's state and the
 * server, which hooks can use as on every other host
 * @param app Implements the contract; called at every wake-up. The same function works on every host
 * @returns The class, to be exported under the name in the Worker's configuration
 *
 * @example A Worker
 * ```ts ignore
 * import { durableObject, forwardTo } from "@super-line/edge/cloudflare";
 * import { api, app, authenticate } from "./app.ts";
 *
 * export const Chat = durableObject(api, () => ({ authenticate }), app);
 * export default forwardTo("CHAT", () => "lobby");
 * ```
 */
export function durableObject<
  C extends ContractDefinition,
  A extends AuthResult<C>,
  Env = unknown,
>(
  contract: Contract<C>,
  options: (
    env: Env,
    state: DurableStateLike,
    srv: Node<C>,
  ) => DurableOptions<C, A>,
  app: (srv: Node<C, A>) => void,
): DurableNodeClass<C, A, Env> {
  return class implements DurableNode<C, A> {
    readonly srv: Node<C, A>;
    readonly #node: CreatedNode<C, A>;
    readonly #adapter: Adapter & Partial<ReachableAdapter>;
    readonly #sockets: DurableSockets;
    readonly #alarm: Alarm;
    readonly #http: HttpTransport;
    readonly #rest: Rest | undefined;

    constructor(state: DurableStateLike, env: Env) {
      const report = (error: unknown) => this.#node.report(error);
      this.#alarm = new Alarm(state.storage, report);
      let resting = restSettings(undefined, undefined);
      this.#node = createNode(
        contract,
        (srv) => {
          const { idleAfterMs, sleepPollMs, ...given } = options(
            env,
            state,
            srv,
          );
          resting = restSettings(idleAfterMs, sleepPollMs);
          return {
            ...given,
            adapter: given.adapter ?? createInMemoryAdapter(),
          };
        },
        {
          nodeId: String(state.id),
          wakeAt: (time) => this.#alarm.at(time),
        },
      );
      this.#adapter = this.#node.adapter;
      this.srv = this.#node.node;
      app(this.srv);
      this.#http = createHttpTransport(httpHostOf(this.#node as never));
      const attachments = new Attachments(state.storage, report);
      this.#sockets = new DurableSockets(state, attachments);
      this.#rest = this.#adapter.rest && new Rest(this.#adapter.rest, {
        ...resting,
        storage: state.storage,
        wakeAt: (time) => this.#alarm.at(time),
        report,
      });
      const connected = this.#sockets.restore((socket, snapshot) =>
        this.#node.restore(socket, snapshot)
      );
      const restored = this.#rest?.restore(connected) ?? connected;
      if (restored) void state.blockConcurrencyWhile(() => restored);
    }

    async fetch(request: Request): Promise<Response> {
      this.#rest?.touch();
      const taken = this.#adapter.take?.(request);
      if (taken) return await taken;
      const { inner, identity } = takeIdentity(request);
      const address = inner.headers.get("cf-connecting-ip");
      const extras = {
        signal: request.signal,
        ...(address !== null && { remoteAddress: address }),
        ...(identity !== undefined && { identity }),
      };
      const answer = this.#http.take(inner, extras);
      if (answer) return await answer;
      const handshake = await this.srv.handshake(inner, extras);
      return handshake.kind === "respond"
        ? handshake.response
        : this.#sockets.open(handshake);
    }

    alarm(): Promise<void> | void {
      this.#alarm.rang();
      this.#node.sweep();
      return this.#rest?.rang();
    }

    webSocketMessage(
      ws: DurableSocketLike,
      message: string | ArrayBuffer,
    ): Promise<void> | undefined {
      this.#rest?.touch();
      return this.#sockets.message(ws, message);
    }

    webSocketClose(ws: DurableSocketLike, code: number, reason: string): void {
      this.#rest?.touch();
      this.#sockets.closed(ws, code, reason);
    }

    webSocketError(ws: DurableSocketLike): void {
      this.#rest?.touch();
      this.#sockets.closed(ws, 1006, "");
    }
  };
}
