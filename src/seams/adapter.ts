/**
 * Seam 2: publish and subscribe between nodes. The suite in `./testing` tests each promise.
 *
 * @module
 */
import type { LogEntry, LogStore } from "./log.ts";
import type { PresenceStore } from "./presence_store.ts";

/**
 * The fan-out between nodes. It carries text payloads on named channels and knows nothing about connections.
 *
 * - **A1** `subscribe` resolves only when live: a publish that starts after it, on any node, arrives.
 * - **A2** After `unsubscribe` resolves nothing more arrives; of interleaved calls the last one wins.
 * - **A3** Publishes of one node to one channel arrive in order. After a failure a payload may be repeated or arrive
 *   late.
 * - **A4** Payloads of up to `maxPayloadBytes` arrive unchanged, whatever characters they and the channel's name
 *   contain.
 * - **A5** A failed `subscribe` rejects and leaves no trace; concurrent callers share one attempt and one outcome.
 * - **A6** A throwing `host.message` affects no other delivery; its error goes to `host.error`.
 * - **A7** The broker may go away and come back: `down`, then `up` with every subscription live again.
 * - **A8** `close` leaves no timer and no socket.
 * - **A9** Two namespaces on one broker never receive each other's messages.
 * - **A10** Ten thousand channels are subscribed in bounded time.
 */
export interface Adapter {
  /** The limits of the broker. */
  readonly limits: {
    /** The largest payload in bytes of UTF-8, at least 1 MiB + 8 KiB. */
    readonly maxPayloadBytes: number;
  };
  /**
   * Passes the node to the adapter. Called once, before anything else.
   *
   * @throws {TypeError} When called a second time
   */
  open(host: AdapterHost): void;
  /**
   * Starts to receive a channel.
   *
   * @returns Resolves when live
   * @throws {SocketError} UNAVAILABLE, as a rejection in bounded time, when the broker cannot be reached
   */
  subscribe(channel: string): Promise<void>;
  /**
   * Subscribes synchronously where that is possible; absent if it never is.
   *
   * @returns Whether the channel is live. If not, nothing was done, and the node calls `subscribe`.
   */
  subscribeNow?(channel: string): boolean;
  /** Stops receiving a channel. Resolves when nothing more arrives; never rejects. */
  unsubscribe(channel: string): Promise<void>;
  /**
   * Sends a payload to all subscribed nodes, this one included. Never throws when the broker is unreachable: losses are
   * passed to `host.dropped`.
   */
  publish(channel: string, payload: string): void;
  /** Sends queued payloads, for a bounded time, and closes. A second call returns the same promise. */
  close(): Promise<void>;
  /**
   * Whether receiving costs money, as polling does. A node then makes no subscriptions of its own unless the option
   * `reach` is on. Defaults to `false`.
   */
  readonly metered?: boolean;
  /** The presence store, if the broker has one. The server option `presence` uses it. */
  readonly presence?: PresenceStore;
  /** The logs of kept topics, if the broker has them. A contract with kept topics needs them. */
  readonly log?: LogStore;
  /** How to pause receiving. Absent if receiving keeps no host awake, or if messages cannot be read later. */
  readonly rest?: AdapterRest;
  /** Tells whether no other node can receive a publish, so that the node can skip it. Absent means never. */
  alone?(): boolean;
}

/** Receiving that can be paused, for a host that takes a node out of memory while it is idle. */
export interface AdapterRest {
  /**
   * Receives what is available now, and then nothing until `resume`; leaves no timer and no request. Called while
   * paused, it receives once more. Never rejects: if the broker is unreachable it pauses at the last position.
   *
   * @returns The position, as a text of at most 64 KiB; `undefined` if nothing is subscribed
   */
  pause(): Promise<string | undefined>;
  /** Continues receiving from where it paused. Does nothing unless it is paused. */
  resume(): void;
  /**
   * Starts paused at the position of an earlier adapter, with every channel that is subscribed before the position
   * arrives; `undefined` for none. Called in the turn of `open`.
   */
  restore(position: Promise<string | undefined>): Promise<void>;
}

/** What a node passes to its adapter. No member throws except `message` and `appended`. */
export interface AdapterHost {
  /** The node's id, unique in the cluster. */
  readonly nodeId: string;
  /** A payload arrived on a channel. */
  message(channel: string, payload: string): void;
  /**
   * Messages were appended to the log of a channel that is subscribed, in the order of the log; at least one. What it
   * throws is handled as what `message` throws.
   */
  appended(channel: string, entries: readonly LogEntry[]): void;
  /**
   * Pushes of logs may be missing on these channels, on all of them when left out: the node reads again. Told after
   * `status("up")` too, once every subscription is live again.
   */
  lost(channels?: readonly string[]): void;
  /**
   * The broker became reachable or unreachable. An adapter that reports nothing is up. A repeated `up` means that no
   * message was lost, but that presence entries may be gone, or that the node is no longer `alone`.
   */
  status(status: "up" | "down", cause?: unknown): void;
  /** Payloads were given up on. */
  dropped(channel: string, count: number): void;
  /** A background error. */
  error(error: unknown): void;
}
