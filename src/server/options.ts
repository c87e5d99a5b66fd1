/**
 * The options of a server: documentation, rules and defaults.
 *
 * @module
 */
import {
  amount,
  callback,
  checkOptions,
  duration,
  flag,
  mismatch,
  oneOf,
  type Rule,
  withDefaults,
} from "../contract/check_options.ts";
import { MAX_NAME_BYTES } from "../contract/names.ts";
import type { Adapter } from "../seams/adapter.ts";
import type { Middleware } from "./types/handlers.ts";
import { checkOrigins } from "./handshake/origin.ts";
import type { AdmitInfo } from "./handshake/handshake.ts";
import type { HandshakeInfo } from "./handshake/authenticate.ts";
import type {
  AuthResult,
  ContractDefinition,
  CtxOf,
  RoleName,
} from "../contract/types.ts";
import type { AuthorizeFunction, AuthorizeTable } from "./topics/authorize.ts";
import type { ErrorInfo, Observer } from "./stats/observer.ts";
import type { Backpressure } from "./connection/outbox.ts";
import type { Connection } from "./types/connection.ts";

/**
 * The limits of one connection or of the whole node. The defaults are safe on the public internet. Limits cannot be
 * disabled.
 */
export interface LimitOptions {
  /**
   * The largest message, in bytes. A larger one closes the connection with 1009.
   *
   * @default {1_048_576}
   */
  readonly maxMessageBytes?: number;
  /**
   * The most unanswered requests and subscriptions of one connection. More are refused with `RATE_LIMITED`.
   *
   * @default {64}
   */
  readonly maxInFlight?: number;
  /**
   * The most subscriptions of one connection. More are refused with `RATE_LIMITED`.
   *
   * @default {1_000}
   */
  readonly maxSubscriptions?: number;
  /**
   * The most rooms of one connection. `room.add` throws `RATE_LIMITED` for more.
   *
   * @default {1_000}
   */
  readonly maxRooms?: number;
  /**
   * The most frames per second of one connection, on average. More are refused with `RATE_LIMITED`.
   *
   * @default {200}
   */
  readonly framesPerSecond?: number;
  /**
   * The most frames of one connection at once. When as many again are refused, the connection closes with 1008.
   *
   * @default {400}
   */
  readonly frameBurst?: number;
  /**
   * How many bytes a second one connection may send in the long run; text counts one for each UTF-16 unit. At once it
   * may send four times `maxMessageBytes`, and at least what it may send in a second. More is refused with
   * `RATE_LIMITED`; when as much again is refused, the connection closes with 1008.
   *
   * @default {1_048_576}
   */
  readonly bytesPerSecond?: number;
  /**
   * How deep arrays and objects may be nested in a payload that is plain JSON. A deeper one is refused with
   * `BAD_REQUEST` before it is parsed. What a `serializer` of the contract decodes is for that serializer to bound.
   *
   * @default {64}
   */
  readonly maxDepth?: number;
  /**
   * After how many malformed frames a connection closes with 1008.
   *
   * @default {10}
   */
  readonly maxMalformed?: number;
  /**
   * How many handshakes may wait for `authenticate` and `onConnection`. More are refused with 1013. As many may then
   * wait for their socket to open, which takes no network round trip; of more, those that wait for a second are given up.
   *
   * @default {1_000}
   */
  readonly maxPendingHandshakes?: number;
  /**
   * How many handshakes this node begins a second, and at once. More are refused with 1013. It holds for all clients
   * together: limit by address in your proxy, or with `admit`.
   *
   * @default {2_000}
   */
  readonly handshakesPerSecond?: number;
  /**
   * How many connections may be closing, that is closed by this node and not yet by their peers. Of more, those that
   * have been closing for a second are cut; where the runtime cannot cut, new handshakes are answered with 503.
   *
   * @default {1_000}
   */
  readonly maxClosing?: number;
  /**
   * The longest name of a room, in bytes of UTF-8. `srv.room` throws `BAD_REQUEST` for a longer one. Names in a contract
   * have at most 256.
   *
   * @default {256}
   */
  readonly maxNameBytes?: number;
  /**
   * How many functions of `srv.snapshot` run at once on this node; further ones wait for their turn.
   *
   * @default {100}
   */
  readonly maxSnapshots?: number;
}

/** Options of {@linkcode createSocketServer}. `A` is what `authenticate` returns. */
export interface ServerOptions<
  C extends ContractDefinition,
  A extends AuthResult<C>,
> {
  /**
   * Identifies a client before its connection is accepted.
   *
   * @param request The upgrade request. The role and params in its query are only what the client claims.
   * @param info The token and more
   * @returns The role, `ctx` for handlers, and `data` if the role has a schema for it
   * @throws {SocketError} UNAUTHORIZED (4401) or any other code (4403) refuses for good, with that reason; RATE_LIMITED
   * or UNAVAILABLE (1013), and any other error (1011), refuse for now: the client tries again
   */
  readonly authenticate: (
    request: Request,
    info: HandshakeInfo,
  ) => A | Promise<A>;
  /**
   * Decides whether a handshake may go on, before anything that costs: called once for each upgrade request that names
   * the path and offers the subprotocol, before `origins`, the limits and `authenticate`. Use it to limit by address.
   *
   * It answers at once: a promise, like an error, refuses and is reported to `onError`. A refusal is an HTTP response
   * with status 429 and no WebSocket, so that the client tries again with its usual back-off.
   *
   * @returns `true` to go on; anything else refuses
   */
  readonly admit?: (info: AdmitInfo) => boolean;
  /**
   * The fan-out between nodes.
   *
   * @default {createInMemoryAdapter()}
   */
  readonly adapter?: Adapter;
  /** The path of upgrade requests, such as `/realtime`; any path if left out. */
  readonly path?: string;
  /**
   * The origins of pages that may connect. Defaults to those of the same host: `Origin` has the host of `Host`, and the
   * scheme `https:` if the server or `X-Forwarded-Proto` shows that the connection is encrypted. Otherwise one origin
   * such as `https://app.example`, a list of them, a function, or `"*"` for any. A client that sends no `Origin` is not
   * a browser, and passes.
   *
   * @throws {TypeError} When the server is created with an entry that no browser sends, such as one with a path
   */
  readonly origins?:
    | string
    | readonly string[]
    | ((origin: string, request: Request) => boolean);
  /**
   * Authorizes each subscription to a topic; only `true` allows it. Either a function for all topics, or an object of
   * blocks with an entry for every topic: `true`, or a function of the topic's parameters. A topic that the object does
   * not list is refused with `FORBIDDEN`. If left out, every client may subscribe.
   */
  readonly authorizeSubscribe?:
    | AuthorizeFunction<C, A>
    | AuthorizeTable<C, A>;
  /** Middleware; the first one is the outermost. */
  readonly use?:
    | Middleware<
      CtxOf<A, RoleName<C>>,
      Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>
    >
    | readonly Middleware<
      CtxOf<A, RoleName<C>>,
      Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>
    >[];
  /**
   * Called once for each connection, before the client may send. A promise is awaited. If it throws, the connection
   * closes.
   */
  readonly onConnection?: (
    conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
    ctx: CtxOf<A, RoleName<C>>,
  ) => void;
  /** Called once for each connection that `onConnection` was called for, when it has ended and left all rooms. */
  readonly onDisconnect?: (
    conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
    ctx: CtxOf<A, RoleName<C>>,
    code: number,
  ) => void;
  /**
   * Returns the user id of a connection, for `toUser`. Called once for each connection, before `onConnection`. If it
   * throws, the connection closes. Each user then has a channel between nodes, as a room does.
   *
   * @returns Well-formed Unicode of 1 to 256 bytes; `undefined` for no user
   */
  readonly identify?: (
    conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
  ) => string | undefined;
  /**
   * Returns more information about a connection for other nodes, as JSON. Called whenever `cluster` is queried; with
   * `presence`, when the connection was accepted and when its rooms changed.
   *
   * @returns Members besides `id`, `role` and the other reserved names
   */
  readonly describe?: (
    conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
  ) => Readonly<Record<string, unknown>>;
  /**
   * Whether other nodes can reach this one with `toConn`, `toRole` and the directory of nodes. The node then subscribes
   * to two channels at its start, and one for each role that has connections.
   *
   * @default {true, but false with an adapter on which receiving costs money (`metered`)}
   */
  readonly reach?: boolean;
  /**
   * Whether each node writes its connections to the adapter's presence store, where `cluster.count` and other queries
   * read them. If not, queries ask all nodes, which needs `reach`. All nodes need the same value. A node writes at each
   * connect, disconnect, join and leave, those of one turn together, and renews three times in `ttlMs`: after a crash
   * its connections expire within that time. `true` means 20 000 ms, or 60 000 with an adapter that costs by the
   * command (`metered`).
   *
   * @default {false}
   */
  readonly presence?: boolean | {
    /** After how long without a renewal a node's connections expire, in milliseconds, from 1 000. */
    readonly ttlMs?: number;
  };
  /** Called for every error that has no caller. If left out, errors are written to the console. */
  readonly onError?: (error: unknown, info: ErrorInfo) => void;
  /**
   * Renews a login on an open connection, when the client sends a new token.
   *
   * @returns The same role, and the new `expiresAt`
   * @throws {SocketError} To refuse; the connection then ends when the old login expires
   */
  readonly refresh?: (
    token: string,
    conn: Connection<C, RoleName<C>, CtxOf<A, RoleName<C>>>,
    info: { readonly signal: AbortSignal },
  ) =>
    | Pick<AuthResult<C>, "role" | "expiresAt">
    | Promise<Pick<AuthResult<C>, "role" | "expiresAt">>;
  /** Receives connections, calls and publishes, such as for tracing. */
  readonly observer?: Observer;
  /** The limits of one connection and of the node. */
  readonly limits?: LimitOptions;
  /** What to do about a client that reads too slowly. */
  readonly backpressure?: Backpressure;
  /**
   * `true` validates payloads and answers before they are sent. `false` sends them as they are, including undeclared
   * fields.
   *
   * @default {true}
   */
  readonly validateOutput?: boolean;
  /**
   * How long `authenticate` and `onConnection` may take together, in milliseconds.
   *
   * @default {10_000}
   */
  readonly authTimeoutMs?: number;
  /**
   * How long a connection that this node closed waits for its peer to close as well, in milliseconds; then it is cut. On
   * Bun the runtime decides, and takes up to 20 s; on Cloudflare the platform does.
   *
   * @default {10_000}
   */
  readonly closeTimeoutMs?: number;
  /**
   * How often clients should ping, in milliseconds.
   *
   * @default {25_000}
   */
  readonly heartbeatMs?: number;
  /**
   * After how long without any message a connection closes with 4408, in milliseconds.
   *
   * @default {90_000}
   */
  readonly heartbeatTimeoutMs?: number;
  /**
   * How long `room.add` and a subscription wait to be live in the cluster, in milliseconds.
   *
   * @default {5_000}
   */
  readonly subscribeTimeoutMs?: number;
}

/** The options of a server of any contract. */
type AnyOptions = ServerOptions<
  ContractDefinition,
  AuthResult<ContractDefinition>
>;

/** The rule of each key of `T`, those of objects inside included. */
type RulesOf<T> = {
  readonly [K in keyof T]-?: Rule | {
    readonly members: RulesOf<NonNullable<T[K]>>;
  };
};

/**
 * The one table of options. A new option needs its rule and default here, and its documentation in
 * {@linkcode ServerOptions} or {@linkcode LimitOptions}.
 */
const RULES = {
  authenticate: { ...callback, words: "a function that returns a role" },
  admit: callback,
  adapter: {
    test: (it: Partial<Adapter> | null) =>
      typeof it?.open === "function" && typeof it.publish === "function",
    words: "an adapter, such as createRedisAdapter returns",
  },
  path: {
    type: "string",
    test: (it: string) => it.startsWith("/"),
    words: 'a path that starts with "/"',
  },
  origins: {
    test: (it: unknown) =>
      typeof it === "string" || typeof it === "function" || Array.isArray(it),
    words:
      'an origin such as "https://app.example", an array of them, a function or "*"',
  },
  authorizeSubscribe: {
    test: (it: unknown) =>
      typeof it === "function" || typeof it === "object" && it !== null,
    words: "a function or an object of blocks",
  },
  use: {
    test: (it: unknown) =>
      [it].flat().every((one) => typeof one === "function"),
    words: "a middleware function or an array of them",
  },
  onConnection: callback,
  onDisconnect: callback,
  identify: callback,
  describe: callback,
  reach: flag(),
  presence: {
    test: (it: unknown) =>
      typeof it === "boolean" || typeof it === "object" && it !== null,
    words: "true, false or { ttlMs }",
  },
  onError: callback,
  refresh: callback,
  observer: {
    test: (it: unknown) => typeof it === "object" && it !== null,
    words: "an object of functions",
  },
  limits: {
    members: {
      maxMessageBytes: amount(1_048_576),
      maxInFlight: amount(64),
      maxSubscriptions: amount(1_000),
      maxRooms: amount(1_000),
      framesPerSecond: amount(200),
      frameBurst: amount(400),
      bytesPerSecond: amount(1_048_576),
      maxDepth: amount(64),
      maxMalformed: amount(10),
      maxPendingHandshakes: amount(1_000),
      handshakesPerSecond: amount(2_000),
      maxClosing: amount(1_000),
      maxNameBytes: amount(MAX_NAME_BYTES),
      maxSnapshots: amount(100),
    },
  },
  backpressure: {
    members: {
      maxBufferedBytes: amount(1_048_576),
      onExceed: oneOf("drop", "close"),
    },
  },
  validateOutput: flag(true),
  authTimeoutMs: duration(10_000),
  closeTimeoutMs: duration(10_000),
  heartbeatMs: duration(25_000),
  heartbeatTimeoutMs: duration(90_000),
  subscribeTimeoutMs: duration(5_000),
} satisfies RulesOf<AnyOptions>;

/** The options outside of `limits` and `backpressure` that have a default. */
type Defaulted =
  | "validateOutput"
  | "authTimeoutMs"
  | "closeTimeoutMs"
  | "heartbeatMs"
  | "heartbeatTimeoutMs"
  | "subscribeTimeoutMs";

/** The options of a server with all defaults. */
export interface Settings
  extends
    Omit<AnyOptions, Defaulted | "use">,
    Required<Pick<AnyOptions, Defaulted>> {
  readonly use: readonly Middleware[];
  readonly limits: Required<LimitOptions>;
  readonly backpressure: Required<Backpressure>;
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} If `authenticate` is missing, a key is unknown or a value is of another kind
 * @throws {RangeError} If a number is out of its bounds
 */
export function createSettings(options: AnyOptions): Settings {
  checkOptions("create a server", options, RULES);
  checkOrigins(options.origins);
  const { authenticate, use = [] } = options;
  if (!authenticate) {
    throw mismatch(
      "create a server",
      "authenticate",
      authenticate,
      RULES.authenticate.words,
    );
  }
  return {
    ...withDefaults(options as unknown as Record<string, unknown>, RULES),
    use: [use].flat(),
  } as unknown as Settings; // by the table, whose keys are those of the options
}
