/**
 * Seam 2: channel pub/sub between nodes. What each promise means is tested by the suite in `./testing`.
 *
 * @module
 */
import type { LogEntry, LogStore } from "./log.ts";
import type { PresenceStore } from "./presence_store.ts";

/**
 * The fan-out between nodes. It carries text payloads on named channels and knows nothing of connections.
 *
 * - **A1** `subscribe` resolves only when live: a publish that starts after it, on any node, arrives.
 * - **A2** After `unsubscribe` resolves nothing more arrives; interleaved calls end in the last one asked for.
 * - **A3** Publishes of one node to one channel arrive in order. After a failure a payload may be repeated or come late.
 * - **A4** Payloads of up to `maxPayloadBytes` arrive unchanged, whatever characters they and the channel's name hold.
 * - **A5** A failed `subscribe` rejects and leaves no trace; concurrent callers share one attempt and one outcome.
 * - **A6** A throwing `host.message` hurts nobody else; its error comes out at `host.error`.
 * - **A7** The broker may go and come back: `down`, then `up` with every subscription live again.
 * - **A8** `close` leaves no timer and no socket.
 * - **A9** Two namespaces on one broker never meet.
 * - **A10** Ten thousand channels are subscribed in bounded time.
 */
export interface Adapter {
  /** What the broker can carry. */
  readonly limits: {
    /** The largest payload in bytes of UTF-8, at least 1 MiB + 8 KiB. */
    readonly maxPayloadBytes: number;
  };
  /**
   * Gives the adapter its node and its exits. Called once, before anything else.
   *
   * @throws {TypeError} A second time
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
   * As `subscribe`, where a channel can be live before this returns; absent where it never can.
   *
   * @returns Whether it is live; else nothing was done, and `subscribe` is asked
   */
  subscribeNow?(channel: string): boolean;
  /** Stops receiving a channel. Resolves when nothing more arrives; never rejects. */
  unsubscribe(channel: string): Promise<void>;
  /** Sends a payload to all nodes that are subscribed, its own included. Never throws for the broker: losses go to `host.dropped`. */
  publish(channel: string, payload: string): void;
  /** Sends what still waits, for a bounded time, and ends. A second call gives the same promise. */
  close(): Promise<void>;
  /**
   * Whether hearing anything costs money, as polling does. A node then subscribes to nothing for its own sake unless
   * it is told to. Absent means that it does not.
   */
  readonly metered?: boolean;
  /** The registry of who is connected, where the broker has one: the server's option `presence` writes and reads it. */
  readonly presence?: PresenceStore;
  /** The logs of kept topics, where the broker has them. A contract with kept topics needs them. */
  readonly log?: LogStore;
  /** How to stop hearing for a while. Absent where hearing keeps no host awake, or nothing can be heard later. */
  readonly rest?: AdapterRest;
  /** Whether nobody else could hear a publish, so that the node need not make one. Absent means never. */
  alone?(): boolean;
}

/** Hearing that can stop and go on, for a host that takes a node out of memory while nothing happens. */
export interface AdapterRest {
  /**
   * Hears what there is now, and then nothing until `resume`; no timer and no request is left. While it is paused, it
   * hears once more. Never rejects: where the broker is away it stops as it is.
   *
   * @returns Where to go on, as a text of at most 64 KiB; `undefined` when nothing is subscribed
   */
  pause(): Promise<string | undefined>;
  /** Hears on, from where it stopped. Does nothing unless it is paused. */
  resume(): void;
  /**
   * Is paused where another adapter was, with all that is subscribed until the position comes; `undefined` for none.
   * Called in the turn of `open`.
   */
  restore(position: Promise<string | undefined>): Promise<void>;
}

/** What a node gives its adapter: where things come out. No member throws but `message` and `appended`. */
export interface AdapterHost {
  /** The node's id, unique in the cluster. */
  readonly nodeId: string;
  /** A payload came on a channel. */
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
   * The broker is reachable or not. An adapter that said nothing is up; one that says so again has lost nothing, but
   * what the node has registered in the broker may be gone, or is no longer `alone`.
   */
  status(status: "up" | "down", cause?: unknown): void;
  /** Payloads were given up on. */
  dropped(channel: string, count: number): void;
  /** Something failed in the background. */
  error(error: unknown): void;
}
