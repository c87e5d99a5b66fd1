/**
 * What the author of a client holds in hand.
 *
 * @module
 */
import type { InferOutput } from "../contract/schema.ts";
import type {
  Answer,
  CallArgument,
  CallError,
  CallInput,
  CallResult,
  CallReturn,
  ContractDefinition,
  ErrorMaker,
  EventName,
  PayloadOut,
  QuestionName,
  Rich,
  RoleEntries,
  RoleEntry,
  RoleName,
  SnapshotOut,
  TopicArgs,
  TopicName,
} from "../contract/types.ts";
import type { Transport } from "./transport.ts";
import type { Off, ReadyOff } from "../wire/off.ts";
import type {
  ClientState,
  ClientStatus,
  WebSocketConstructor,
} from "./link.ts";

/** How one call is made. */
export interface CallOptions {
  /**
   * After how long it rejects with TIMEOUT, in milliseconds; `Infinity` for never.
   *
   * @default {30_000}
   */
  readonly timeoutMs?: number;
  /** Cancels it: it rejects with the signal's reason, and the server's handler is told. */
  readonly signal?: AbortSignal;
}

/** Stops a subscription to a topic, as a function; says when the topic is live, and where it stands. */
export interface Subscription extends ReadyOff {
  /**
   * Of a kept topic, where it stands: behind the last message whose listeners have run. Opaque; pass it as `after` to go
   * on there, such as after a page was reloaded. `undefined` until there is one, and for other topics.
   */
  readonly position: string | undefined;
}

/** How one subscription is made. */
export interface SubscribeOptions {
  /** Called when the server refuses it, at first or after a reconnect; the client's `onError` when left out. */
  readonly onError?: (error: unknown) => void;
}

/** How a subscription to a kept topic is made. */
export interface KeptSubscribeOptions extends SubscribeOptions {
  /**
   * Called when messages may be missing, at any time: after a long absence, when the broker lost its log, or when this
   * client read too slowly. A topic with a snapshot sends a new one by itself.
   */
  readonly onGap?: () => void;
  /** A `position` of before, to go on behind it. */
  readonly after?: string;
  /** Without `after`: how many of the newest messages to get first, at most as many as are kept. */
  readonly replay?: number;
}

/** How a subscription to a kept topic with snapshots is made. */
export interface SnapshotSubscribeOptions<Snapshot>
  extends KeptSubscribeOptions {
  /**
   * Called with a snapshot: first of all, and when messages were missed. Messages that follow may be in it already.
   */
  readonly onSnapshot?: (snapshot: Snapshot) => void;
}

/**
 * Any options of `subscribe`, without the contract's types.
 *
 * @internal
 */
export interface AnySubscribeOptions extends SnapshotSubscribeOptions<never> {}

/**
 * The options of `subscribe` for one topic.
 *
 * @internal
 */
export type SubscribeOptionsOf<E> = [E] extends [never] ? SubscribeOptions
  : [E] extends [{ readonly snapshot: unknown }]
    ? SnapshotSubscribeOptions<SnapshotOut<E>>
  : [E] extends [{ readonly keep: unknown }] ? KeptSubscribeOptions
  : SubscribeOptions;

/** Frames that the server dropped, since this client read too slowly. */
export interface Gap {
  /** How many events and topic messages are missing. */
  readonly dropped: number;
}

/** One question of the server's under way. */
export interface AnswerInfo {
  /** Aborts when the server waits no longer, and when the connection is over. */
  readonly signal: AbortSignal;
}
/** What makes the failures that a question declares; nothing where it declares none. */
export type ErrorsOf<E> = E extends { readonly errors: unknown } ? ErrorMaker<E>
  : unknown;

/** The functions that answer the server's questions to a role. */
export type ClientAnswers<C extends ContractDefinition, R extends RoleName<C>> =
  AnswersOf<C, R>["functions"];
/**
 * Holds {@linkcode ClientAnswers}: the type of an interface's property has no name, so that the compiler prints the
 * questions and not an alias with the whole contract.
 *
 * @internal
 */
export interface AnswersOf<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /** By question. */
  readonly functions:
    & {
      readonly [N in QuestionName<C, R>]?: (
        input: CallInput<RoleEntry<C, R, N>>,
        call: AnswerInfo & ErrorsOf<RoleEntry<C, R, N>>,
      ) =>
        | CallReturn<RoleEntry<C, R, N>>
        | Promise<CallReturn<RoleEntry<C, R, N>>>;
    }
    & {
      readonly [
        N in Exclude<
          { [O in RoleName<C>]: QuestionName<C, O> }[RoleName<C>],
          { [O in R]: QuestionName<C, O> }[R]
        >
      ]?: `Not a question of role '${R & string}'`;
    };
}

/** What every client has beside the methods of its role. */
export interface ClientBase<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /** The role it asked for. */
  readonly role: R & string;
  /** The connection's id on the server; `undefined` while there is none. */
  readonly id: string | undefined;
  /** Where the connection is. */
  readonly state: ClientState;
  /** Resolves when the connection is open; rejects with DISCONNECTED when there will be none. Ignoring it is fine. */
  readonly ready: Promise<void>;
  /**
   * Listens to an event.
   *
   * @param event An event of `shared` or of the role
   * @param fn Called with each one's payload, in order
   * @returns The function that stops it
   */
  on<N extends EventName<C, R>>(
    event: N,
    fn: (payload: PayloadOut<C, R, N>) => void,
  ): Off;
  /**
   * Subscribes to a topic, now and after every reconnect. Listeners of one topic with the same parameters share one
   * subscription.
   *
   * @param topic A topic of `shared` or of the role
   * @param args The topic's parameters where it has some; then a function that is called with each payload, in order;
   * then options: `onError`
   * @throws {TypeError} When the parameters are not a flat object of strings, finite numbers and booleans
   */
  subscribe<N extends TopicName<C, R>>(
    topic: N,
    ...args: TopicArgs<
      RoleEntry<C, R, N>,
      [
        fn: (payload: PayloadOut<C, R, N>) => void,
        options?: SubscribeOptionsOf<RoleEntry<C, R, N>>,
      ]
    >
  ): Subscription;
  /**
   * Answers the server's questions from now on. What an answer throws reaches the server as itself when it is a
   * `SocketError`, else as INTERNAL, and goes to `onError`. A question without an answer is NOT_FOUND to the server.
   *
   * @param answers Some or all of the questions of `shared` and of the role; a second one takes the first one's place
   * @returns The client itself
   */
  implement(answers: AnswersOf<C, R>["functions"]): this;
  /**
   * Listens to the connection's state.
   *
   * @param fn Called with every change, not with the present state
   * @returns The function that stops it
   */
  onStatus(fn: (status: ClientStatus) => void): Off;
  /**
   * Listens to reconnects: the place to join rooms again. Calls made in the listener leave before those that waited.
   *
   * @param fn Called each time the connection is open again, not the first time
   * @returns The function that stops it
   */
  onReconnect(fn: () => void): Off;
  /**
   * Listens to losses.
   *
   * @param fn Called when the server dropped messages for this client
   * @returns The function that stops it
   */
  onGap(fn: (gap: Gap) => void): Off;
  /** Ends the connection for good: all that is pending rejects with DISCONNECTED. A second call does nothing. */
  close(): void;
  /** As `close()`. */
  [Symbol.dispose](): void;
}

/** The arguments of a call before its options; the input may be left out where `undefined` is one. */
export type InputOf<E> = undefined extends CallArgument<E>
  ? [input?: CallArgument<E>]
  : [input: CallArgument<E>];

/** The method that calls a request or sends a signal. */
export type Method<E> = E extends Rich ? RichMethod<E>
  : E extends { readonly output: unknown } ? (
      ...args: [...InputOf<E>, options?: CallOptions]
    ) => Promise<CallResult<E>>
  : (...args: InputOf<E>) => void;
/**
 * The method that calls a request that streams its answer, or that declares errors.
 *
 * @internal
 */
export type RichMethod<E> = (
  ...args: [...InputOf<E>, options?: CallOptions]
) => E extends { readonly yields: infer Y }
  ? StreamedAnswer<InferOutput<Y>, Answer<CallResult<E>, CallError<E>>>
  : Answer<CallResult<E>, CallError<E>>;

/**
 * What calling a streamed request returns. Iterate it once: each item in order, as the reader asks for them. Leaving
 * the loop cancels it on the server.
 *
 * In its call's options `timeoutMs` is how long the server may say nothing while items are asked for.
 */
export interface StreamedAnswer<Item, Result extends Promise<unknown>>
  extends AsyncIterable<Item> {
  /**
   * Settles when the stream ends: resolves with what the handler returned; rejects as a request does, with DISCONNECTED
   * after a reconnect, and with the reason when it was cancelled. Ignoring it is fine. Read before anything is iterated,
   * it drops the items.
   */
  readonly result: Result;
  /**
   * Cancels it: the loop and `result` reject, and the server's generator ends. A second call does nothing.
   *
   * @param reason What they reject with, an `AbortError` when left out
   */
  cancel(reason?: unknown): void;
}

/** A client: one method for each request and signal that its role sees. */
export type Client<C extends ContractDefinition, R extends RoleName<C>> =
  & ClientBase<C, R>
  & {
    readonly [N in keyof RoleEntries<C, R, "clientToServer">]: Method<
      RoleEntries<C, R, "clientToServer">[N]
    >;
  };

/** A value, or what makes it. */
export type Supplied<T> = T | (() => T | Promise<T>);

/** What {@linkcode createClient} takes. */
export interface ClientOptions<R extends string = string> {
  /** Where the server is: `ws:`, `wss:`, `http:` or `https:`, in a browser also a path. Asked at every attempt. */
  readonly url: Supplied<string | URL>;
  /** The role to ask for; the server decides, and another one ends the client with an error. */
  readonly role: R;
  /** Goes into the URL's query, for `authenticate` to read: no place for secrets. Asked at every attempt. */
  readonly params?: Supplied<Readonly<Record<string, string>>>;
  /**
   * Goes into the handshake as a subprotocol, never into the URL. A function is asked at every attempt, and before a
   * login ends, to renew it on the open connection where the server has a `refresh`.
   */
  readonly token?: Supplied<string | undefined>;
  /**
   * Whether to dial only when something is asked of it: a call, a signal, a listener, a subscription, or `ready`. Made
   * where a page is rendered on a server, it then never dials.
   *
   * @default {false}
   */
  readonly lazy?: boolean;
  /**
   * After how long a call rejects with TIMEOUT, in milliseconds.
   *
   * @default {30_000}
   */
  readonly timeoutMs?: number;
  /**
   * How many calls may wait for a connection; more reject with UNAVAILABLE.
   *
   * @default {1_000}
   */
  readonly maxQueued?: number;
  /**
   * Whether what the server sends is run through the contract's schemas, which must then accept their own output.
   *
   * @default {"off"}
   */
  readonly validate?: "off" | "inbound";
  /**
   * Whether to dial again after a loss.
   *
   * @default {true}
   */
  readonly reconnect?: boolean;
  /**
   * The first wait's upper bound, in milliseconds.
   *
   * @default {500}
   */
  readonly reconnectBaseMs?: number;
  /**
   * Every wait's upper bound, in milliseconds.
   *
   * @default {30_000}
   */
  readonly reconnectMaxMs?: number;
  /**
   * How much the bound grows with each attempt.
   *
   * @default {2}
   */
  readonly reconnectFactor?: number;
  /**
   * What carries the connection, in the order in which it is tried: `[webSocket(), http()]` for networks that block
   * WebSockets. A WebSocket alone when left out.
   */
  readonly transport?: readonly [Transport, ...Transport[]];
  /** What dials; the global `WebSocket` when left out. Node 20 has none: pass the one of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Called for what has no caller: a listener that throws, a subscription refused. Written to the console when left out. */
  readonly onError?: (error: unknown) => void;
}
