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
import type {
  CallResult,
  ContractDefinition,
  EventName,
  ParamsIn,
  PayloadOut,
  RoleEntries,
  RoleEntry,
  RoleName,
  TopicName,
} from "./contract/types.ts";
import type { Params } from "./contract/params.ts";
import type { ClientStatus } from "./client/link.ts";
import type { Client, Method } from "./client/types.ts";
import { type GivenClient, Session } from "./react/session.ts";
import {
  IDLE_REQUEST,
  IDLE_STATUS,
  PENDING_TOPIC,
  RequestStore,
} from "./react/stores.ts";

/** The names of the requests that a role can call. */
export type RequestName<C extends ContractDefinition, R extends RoleName<C>> =
  & {
    [N in keyof RoleEntries<C, R, "clientToServer">]: RoleEntries<
      C,
      R,
      "clientToServer"
    >[N] extends { readonly output: unknown } ? N : never;
  }[keyof RoleEntries<C, R, "clientToServer">]
  & string;

/** The names of the topics without parameters that a role can subscribe to. */
export type PlainTopic<C extends ContractDefinition, R extends RoleName<C>> =
  TopicName<C, R> extends infer N
    ? N extends TopicName<C, R>
      ? RoleEntry<C, R, N> extends { readonly params: unknown } ? never : N
    : never
    : never;

/** What {@linkcode SocketReact.Provider} takes. */
export interface ProviderProps<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /**
   * The client of all hooks below. A client is yours, to close as well. A function makes one with `lazy: true` that
   * lives as long as this `Provider`: it is called while rendering, connects when the page is there, and is closed
   * when the `Provider` goes; another function has no effect without another `key`.
   */
  readonly client: Client<C, R> | (() => Client<C, R>);
  /** What may use the hooks. */
  readonly children?: ReactNode;
}

/** What {@linkcode SocketReact.useRequest} returns. `E` is the request's entry in the contract. */
export interface RequestState<E> {
  /** The latest answer; the one before stays until the next is there. */
  readonly data: CallResult<E> | undefined;
  /** Why the latest call failed: a `SocketError`, or what its signal was aborted with. */
  readonly error: Error | undefined;
  /** Whether the latest call has no answer yet. */
  readonly isLoading: boolean;
  /**
   * Calls the request; the same function in every render. Of several calls the latest one's answer is shown, whichever
   * comes last. The promise is this call's own; ignoring it is fine.
   */
  readonly call: Method<E>;
}

/** What {@linkcode SocketReact.useSubscription} returns when it is asked for the state as well. */
export interface SubscriptionState<T> {
  /** The latest payload. */
  readonly data: T | undefined;
  /**
   * - `pending`: nothing comes at present, the server is being asked or the connection is lost
   * - `live`: what is published arrives
   * - `refused`: nothing will come, `error` says why
   */
  readonly status: "pending" | "live" | "refused";
  /** Why the server refused. */
  readonly error: Error | undefined;
}

/** How {@linkcode SocketReact.useSubscription} returns the state as well. */
export interface SubscriptionStateOptions {
  /** Asks for `{ data, status, error }`. */
  readonly withState: true;
}

/** The hooks of one contract and role. */
export interface SocketReact<
  C extends ContractDefinition,
  R extends RoleName<C>,
> {
  /** Gives a client to the hooks below it. */
  readonly Provider: (props: ProviderProps<C, R>) => ReactElement;
  /** The client itself, for signals and whatever has no hook. */
  useClient(): Client<C, R>;
  /**
   * Follows the calls that this component makes of one request. It calls nothing by itself.
   *
   * @param name A request of `shared` or of the role
   */
  useRequest<N extends RequestName<C, R>>(
    name: N,
  ): RequestState<RoleEntries<C, R, "clientToServer">[N]>;
  /**
   * Listens to an event while the component is on the page.
   *
   * @param event An event of `shared` or of the role
   * @param handler Called with each payload, in order; always the one of the latest render
   */
  useEvent<N extends EventName<C, R>>(
    event: N,
    handler: (payload: PayloadOut<C, R, N>) => void,
  ): void;
  /**
   * Subscribes to a topic while the component is on the page. Components of one `Provider` share the subscription and
   * the latest payload.
   *
   * @param topic A topic of `shared` or of the role
   * @returns The latest payload; `undefined` until there is one
   */
  useSubscription<N extends PlainTopic<C, R>>(
    topic: N,
  ): PayloadOut<C, R, N> | undefined;
  /**
   * Subscribes to a topic, and tells how that went.
   *
   * @param topic A topic of `shared` or of the role
   * @param options `{ withState: true }`
   */
  useSubscription<N extends PlainTopic<C, R>>(
    topic: N,
    options: SubscriptionStateOptions,
  ): SubscriptionState<PayloadOut<C, R, N>>;
  /**
   * Subscribes to a topic with parameters, and tells how that went.
   *
   * @param topic A topic with parameters
   * @param params Its parameters; equal ones in another object are the same subscription
   */
  useSubscription<N extends Exclude<TopicName<C, R>, PlainTopic<C, R>>>(
    topic: N,
    params: ParamsIn<RoleEntry<C, R, N>>,
  ): SubscriptionState<PayloadOut<C, R, N>>;
  /** Where the connection is, and what brought it there: enough for a banner. */
  useStatus(): ClientStatus;
}

/**
 * Makes the hooks of one contract and role. It connects nothing: `Provider` is given a client.
 *
 * On a server that renders pages the hooks return what they do before anything came, and a `lazy` client never dials.
 *
 * @returns `Provider` and the hooks, to be made once a program
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
      // Hidden and shown again, as <Activity> does it: the client of before is closed for good.
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

  function useEvent(event: string, handler: (payload: never) => void): void {
    const { client } = useSession();
    const latest = useRef(handler);
    // The first effect of a commit: no event can come between it and the render that it belongs to.
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
    // No other object has `withState: true` alone, but for parameters of that name.
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
    useEvent,
    useSubscription,
    useStatus,
  } as unknown as SocketReact<Api["definition"], R>;
}
