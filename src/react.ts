/**
 * Hooks for React 18 and 19: requests, events, topics and the connection's state, typed by the contract.
 *
 * @example A page
 * ```tsx ignore
 * import { createRoot } from "react-dom/client";
 * import { createClient } from "@super-line/edge/client";
 * import { createSocketReact } from "@super-line/edge/react";
 * import { api } from "./api.ts";
 *
 * const { Provider, useRequest, useSubscription } = createSocketReact<typeof api, "user">();
 *
 * function Counter() {
 *   const count = useSubscription("count");
 *   const { call, isLoading } = useRequest("add");
 *   return <button disabled={isLoading} onClick={() => call({ by: 1 })}>{count ?? "…"}</button>;
 * }
 *
 * const client = createClient(api, { url: "/realtime", role: "user" });
 * createRoot(document.body).render(<Provider client={client}><Counter /></Provider>);
 * ```
 *
 * @module
 */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Contract } from "./contract/define.ts";
import type { InferOutput } from "./contract/schema.ts";
import type {
  CallError,
  CallResult,
  ContractDefinition,
  EventName,
  ParamsIn,
  PayloadOut,
  RoleEntries,
  RoleEntry,
  RoleName,
  SnapshotOut,
  TopicName,
} from "./contract/types.ts";
import type { Params } from "./contract/params.ts";
import type { ClientStatus } from "./client/link.ts";
import type { Client, Method } from "./client/types.ts";
import { type GivenClient, Session } from "./react/session.ts";
import {
  IDLE_REQUEST,
  IDLE_STATUS,
  IDLE_STREAM,
  PENDING_TOPIC,
  RequestStore,
  StreamStore,
} from "./react/stores.ts";

/** The names of the requests that a role can call. */
export type RequestName<C extends ContractDefinition, R extends RoleName<C>> =
  & {
    [N in keyof RoleEntries<C, R, "clientToServer">]: RoleEntries<
      C,
      R,
      "clientToServer"
    >[N] extends { readonly yields: unknown } ? never
      : RoleEntries<C, R, "clientToServer">[N] extends
        { readonly output: unknown } ? N
      : never;
  }[keyof RoleEntries<C, R, "clientToServer">]
  & string;

/** The names of the requests with a streamed answer that a role can call. */
export type StreamName<C extends ContractDefinition, R extends RoleName<C>> =
  & {
    [N in keyof RoleEntries<C, R, "clientToServer">]: RoleEntries<
      C,
      R,
      "clientToServer"
    >[N] extends { readonly yields: unknown } ? N : never;
  }[keyof RoleEntries<C, R, "clientToServer">]
  & string;

/** The names of the topics without parameters that a role can subscribe to. */
export type PlainTopic<C extends ContractDefinition, R extends RoleName<C>> =
  TopicName<C, R> extends infer N
    ? N extends TopicName<C, R>
      ? RoleEntry<C, R, N> extends { readonly params: unknown } ? never : N
    : never
    : never;

/** The props of {@linkcode SocketReact.Provider}. */
export interface ProviderProps<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /**
   * The client for all hooks below. If you pass a client, you close it. If you pass a function, it must create a client
   * with `lazy: true`, which lives as long as this `Provider`: the function is called during rendering, the client
   * connects when the page is mounted, and is closed when the `Provider` unmounts. To replace it, change the `key`.
   */
  readonly client: Client<C, R> | (() => Client<C, R>);
  /** The components that use the hooks. */
  readonly children?: ReactNode;
}

/** The result of {@linkcode SocketReact.useRequest}. `E` is the request's entry in the contract. */
export interface RequestState<E> {
  /** The latest answer. The previous one stays until the next arrives. */
  readonly data: CallResult<E> | undefined;
  /**
   * Why the latest call failed: a `SocketError`, or the abort reason of its signal. Typed where the entry declares
   * `errors`.
   */
  readonly error: FailureOf<E> | undefined;
  /** Whether the latest call is unanswered. */
  readonly isLoading: boolean;
  /**
   * Calls the request. The function is the same in every render. The answer of the latest call is shown, whatever the
   * order of arrival. The promise belongs to this call and can be ignored.
   */
  readonly call: Method<E>;
}

/** What a call may fail with, as hooks show it. */
export type FailureOf<E> = E extends { readonly errors: unknown } ? CallError<E>
  : Error;

/** What {@linkcode SocketReact.useStream} returns. `E` is the request's entry in the contract. */
export interface StreamState<E> {
  /** The items that came so far, oldest first; a new array when one came. Empty when a stream starts. */
  readonly items: readonly ItemOf<E>[];
  /** What the handler returned in the end. */
  readonly result: CallResult<E> | undefined;
  /**
   * - `idle`: nothing was started, or it was cancelled
   * - `streaming`: items come
   * - `done`: it ended, `result` has the answer
   * - `failed`: it ended, `error` says why
   */
  readonly status: "idle" | "streaming" | "done" | "failed";
  /** Why it failed. */
  readonly error: FailureOf<E> | undefined;
  /** Starts a stream, in place of one that runs; the same function in every render. */
  readonly start: (...args: Parameters<Method<E>>) => void;
  /** Ends the stream that runs and keeps its items; the same function in every render. */
  readonly cancel: () => void;
}

/** What each item of a streamed answer is. */
export type ItemOf<E> = E extends { readonly yields: infer S } ? InferOutput<S>
  : never;

/** The result of {@linkcode SocketReact.useSubscription} with `withState`. */
export interface SubscriptionState<T, Snapshot = never> {
  /** The latest payload. */
  readonly data: T | undefined;
  /** The latest snapshot of a kept topic that has one; messages after it may be in it already. */
  readonly snapshot: Snapshot | undefined;
  /**
   * For a kept topic: `false` when messages may have been missed, `true` again with the next snapshot. `undefined` for
   * other topics, and until the server has answered.
   */
  readonly resumed: boolean | undefined;
  /**
   * - `pending`: the server has not answered yet, or the connection is lost
   * - `live`: published messages arrive
   * - `refused`: the server refused the subscription, see `error`
   */
  readonly status: "pending" | "live" | "refused";
  /** Why the server refused. */
  readonly error: Error | undefined;
}

/** Options of {@linkcode SocketReact.useSubscription}. */
export interface SubscriptionStateOptions {
  /** Returns `{ data, status, error, snapshot, resumed }`. */
  readonly withState: true;
}

/** The hooks of one contract and role. */
export interface SocketReact<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /** Provides a client to the hooks below it. */
  readonly Provider: (props: ProviderProps<C, R>) => ReactElement;
  /** Returns the client, for signals and everything that has no hook. */
  useClient(): Client<C, R>;
  /**
   * Returns the state of this component's calls of one request. It does not call by itself.
   *
   * @param name A request of `shared` or of the role
   */
  useRequest<N extends RequestName<C, R>>(
    name: N,
  ): RequestState<RoleEntries<C, R, "clientToServer">[N]>;
  /**
   * Follows one streamed answer. It starts nothing by itself, and cancels what runs when the component goes.
   *
   * @param name A request of `shared` or of the role that has `yields`
   */
  useStream<N extends StreamName<C, R>>(
    name: N,
  ): StreamState<RoleEntries<C, R, "clientToServer">[N]>;
  /**
   * Listens to an event while the component is mounted.
   *
   * @param event An event of `shared` or of the role
   * @param handler Called with each payload, in order; always the function of the latest render
   */
  useEvent<N extends EventName<C, R>>(
    event: N,
    handler: (payload: PayloadOut<C, R, N>) => void,
  ): void;
  /**
   * Subscribes to a topic while the component is mounted. Components of one `Provider` share the subscription and the
   * latest payload.
   *
   * @param topic A topic of `shared` or of the role
   * @returns The latest payload; `undefined` until there is one
   */
  useSubscription<N extends PlainTopic<C, R>>(
    topic: N,
  ): PayloadOut<C, R, N> | undefined;
  /**
   * Subscribes to a topic, and returns the state as well.
   *
   * @param topic A topic of `shared` or of the role
   * @param options `{ withState: true }`
   */
  useSubscription<N extends PlainTopic<C, R>>(
    topic: N,
    options: SubscriptionStateOptions,
  ): SubscriptionState<
    PayloadOut<C, R, N>,
    SnapshotOut<RoleEntry<C, R, N>>
  >;
  /**
   * Subscribes to a topic with parameters, and returns the state as well.
   *
   * @param topic A topic with parameters
   * @param params The parameters; an equal object is the same subscription
   */
  useSubscription<N extends Exclude<TopicName<C, R>, PlainTopic<C, R>>>(
    topic: N,
    params: ParamsIn<RoleEntry<C, R, N>>,
  ): SubscriptionState<
    PayloadOut<C, R, N>,
    SnapshotOut<RoleEntry<C, R, N>>
  >;
  /** Returns the connection's state and its cause, enough for a banner. */
  useStatus(): ClientStatus;
}

/**
 * Creates the hooks of one contract and role. It does not connect: pass a client to `Provider`.
 *
 * During server-side rendering the hooks return their initial values, and a `lazy` client does not connect.
 *
 * @returns `Provider` and the hooks; create them once for the program
 *
 * @example A banner
 * ```tsx ignore
 * const { Provider, useStatus } = createSocketReact<typeof api, "user">();
 *
 * function Banner() {
 *   const { state, willRetry } = useStatus();
 *   if (state === "closed") return <p role="alert">Signed out</p>;
 *   return state === "waiting" && willRetry ? <p role="status">Reconnecting…</p> : null;
 * }
 * ```
 */
export function createSocketReact<
  Api extends Contract,
  R extends RoleName<Api["definition"]>,
>(): SocketReact<Api["definition"], R> {
  const Context = createContext<Session | undefined>(undefined);

  function Provider(
    { client, children }: { client: GivenClient; children?: ReactNode },
  ): ReactElement {
    let [session, setSession] = useState(() => new Session(client));
    const other = typeof client === "function"
      ? !session.owned
      : session.client !== client;
    if (other) setSession(session = new Session(client));
    useEffect(() => {
      // Hidden and shown again, as <Activity> does: the previous client is closed for good.
      if (session.over && typeof client === "function") {
        return setSession(new Session(client));
      }
      return session.hold();
    }, [session]);
    return createElement(Context.Provider, { value: session }, children);
  }

  function useSession(): Session {
    const session = useContext(Context);
    if (session) return session;
    throw new Error(
      "Cannot use this hook: no Provider of the same createSocketReact is above the component",
    );
  }

  function useRequest(name: string) {
    const { client } = useSession();
    let [store, setStore] = useState(() => new RequestStore(client, name));
    if (store.client !== client || store.name !== name) {
      setStore(store = new RequestStore(client, name));
    }
    const { subscribe, read, call } = store;
    const snapshot = useSyncExternalStore(subscribe, read, () => IDLE_REQUEST);
    return { ...snapshot, call };
  }

  function useStream(name: string) {
    const { client } = useSession();
    let [store, setStore] = useState(() => new StreamStore(client, name));
    if (store.client !== client || store.name !== name) {
      setStore(store = new StreamStore(client, name));
    }
    const { subscribe, read, start, cancel } = store;
    const snapshot = useSyncExternalStore(subscribe, read, () => IDLE_STREAM);
    return { ...snapshot, start, cancel };
  }

  function useEvent(event: string, handler: (payload: never) => void): void {
    const { client } = useSession();
    const latest = useRef(handler);
    // The first effect of a commit, so that no event can come between it and its render.
    useInsertionEffect(() => {
      latest.current = handler;
    });
    useEffect(
      () => client.on(event, (payload) => latest.current(payload)),
      [client, event],
    );
  }

  function useSubscription(
    topic: string,
    given?: SubscriptionStateOptions | Params,
  ): unknown {
    // Any other object with only `withState: true` would be parameters of that name.
    const params = given?.["withState"] === true ? undefined : given;
    const store = useSession().topic(topic, params as Params | undefined);
    const all = given !== undefined;
    return useSyncExternalStore(
      store.subscribe,
      () => all ? store.read() : store.read().data,
      () => all ? PENDING_TOPIC : PENDING_TOPIC.data,
    );
  }

  function useStatus(): ClientStatus {
    const { status } = useSession();
    return useSyncExternalStore(
      status.subscribe,
      status.read,
      () => IDLE_STATUS,
    );
  }

  // From here on names are strings and payloads unknown: the types above are checked where users write them.
  return {
    Provider,
    useClient: () => useSession().client,
    useRequest,
    useStream,
    useEvent,
    useSubscription,
    useStatus,
  } as unknown as SocketReact<Api["definition"], R>;
}
