/**
 * The link to one Redis server: connects, detects an outage, reconnects.
 *
 * @module
 */
import { MissingPackageError } from "../shared/load_package.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import type { ConnectionPair, Connections } from "./connections.ts";
import type { Appended, AppendOptions, LogRead } from "../../src/seams/log.ts";
import type { Position } from "../../src/wire/position.ts";
import { LogAppends, type LogSettings } from "./log_appends.ts";
import { Publishes } from "./publishes.ts";
import { Subscriptions } from "./subscriptions.ts";
import { delay } from "../../src/shared/timers.ts";
import { unavailable, within } from "../shared/timing.ts";

/** Receives the events of a link. */
export interface LinkHost {
  /** A message arrived on a subscribed channel. */
  message(channel: string, payload: string): void;
  /** `up` when every subscription is live again, `down` when the server is unreachable. */
  status(status: "up" | "down", cause?: unknown): void;
  /** Messages were given up on. */
  dropped(channel: string, count: number): void;
  /** A background error that changes nothing. */
  error(error: unknown): void;
}

/** The settings of a link. */
export interface LinkSettings {
  /** How long Redis may take to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How many characters of publishes may be unconfirmed. */
  readonly maxPending: number;
  /** What the logs of all links share. */
  readonly logs: LogSettings;
  /** The link's own channel, on which it receives its own probes. */
  readonly probe: string;
}

/**
 * The wait between attempts has a fixed part, so that there is no hot loop, and jitter, so that nodes do not reconnect
 * at the same time.
 */
const RETRY = { baseMs: 200, maxMs: 5_000, factor: 2 };
const RETRY_AT_LEAST_MS = 50;
/** After a session of at least this length the next failure counts as the first. */
const STABLE_MS = 2_000;

type State = "opening" | "up" | "down" | "closed";

/** Keeps a pair of connections to one server. */
export class Link {
  readonly #pairs: Connections;
  readonly #host: LinkHost;
  readonly #settings: LinkSettings;
  readonly #subscriptions = new Subscriptions();
  readonly #publishes: Publishes;
  readonly #appends: LogAppends;
  #state: State = "opening";
  #downReported = false;
  #cause: unknown;
  #refusal = "";
  #pair: ConnectionPair | undefined;
  /** Aborts the current session, or the attempt to start one. */
  #session = new AbortController();
  /** Aborts when the adapter closes. */
  readonly #ending = new AbortController();
  #opened: (() => void)[] = [];
  #closed: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(pairs: Connections, host: LinkHost, settings: LinkSettings) {
    this.#pairs = pairs;
    this.#host = host;
    this.#settings = settings;
    this.#publishes = new Publishes({
      dropped: (channel, count) => host.dropped(channel, count),
      refused: (error) => this.#refused(error),
    }, settings.maxPending);
    this.#appends = new LogAppends(
      settings.logs,
      settings.timeoutMs,
      settings.maxPending,
    );
  }

  /** `true` unless the link is down or closed. */
  get usable(): boolean {
    return this.#state === "up" || this.#state === "opening";
  }

  /** Starts connecting. */
  open(): void {
    this.#running = this.#run();
  }

  /** See `Adapter.subscribe`. */
  subscribe(channel: string): Promise<void> {
    if (this.usable && !this.#closed) {
      return this.#subscriptions.subscribe(channel);
    }
    const state = this.#closed
      ? "the adapter is closed"
      : "Redis is unreachable";
    return Promise.reject(
      unavailable(
        `Cannot subscribe to ${JSON.stringify(channel)}: ${state}`,
        this.#closed ? undefined : this.#cause,
      ),
    );
  }

  /** See `Adapter.unsubscribe`. */
  unsubscribe(channel: string): Promise<void> {
    return this.#subscriptions.unsubscribe(channel);
  }

  /** See `Adapter.publish`. */
  publish(channel: string, payload: string): void {
    if (this.#closed) this.#host.dropped(channel, 1);
    else this.#publishes.add(channel, payload);
  }

  /** See `LogStore.append`. */
  append(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Promise<Appended> {
    return this.#appends.append(channel, payload, options);
  }

  /** See `LogStore.read`. */
  async read(
    channel: string,
    after: Position | undefined,
    limit: number,
  ): Promise<LogRead> {
    const { timeoutMs } = this.#settings;
    const pair = await this.#connected("Cannot read a log");
    try {
      const read = this.#appends.read(pair, channel, after, limit);
      return await within(read, timeoutMs, "Redis did not answer");
    } catch (cause) {
      throw unavailable("Cannot read a log: Redis did not answer", cause);
    }
  }

  /** Runs a script. Rejects with UNAVAILABLE when the script may not have run. */
  async evaluate(
    script: string,
    keys: string[],
    args: string[],
  ): Promise<unknown> {
    const { timeoutMs } = this.#settings;
    const pair = await this.#connected("Cannot use the presence store");
    try {
      const ran = pair.evaluate(script, keys, args);
      return await within(ran, timeoutMs, "Redis did not answer");
    } catch (cause) {
      throw unavailable("The presence store did not answer", cause);
    }
  }

  async #connected(action: string): Promise<ConnectionPair> {
    if (this.#state === "opening" && !this.#closed) {
      const opened = new Promise<void>((resolve) => this.#opened.push(resolve));
      await within(opened, this.#settings.timeoutMs, "No connection");
    }
    if (this.#pair && !this.#closed) return this.#pair;
    const state = this.#closed
      ? "the adapter is closed"
      : "Redis is unreachable";
    throw unavailable(`${action}: ${state}`, this.#cause);
  }

  /** See `Adapter.close`. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const { timeoutMs } = this.#settings;
    const patience = Math.min(timeoutMs, 2_000);
    if (this.#state === "opening" && this.#publishes.size > 0) {
      const opened = new Promise<void>((resolve) => this.#opened.push(resolve));
      await within(opened, patience, "No connection").catch(() => {}); // then the waiting publishes are lost, and counted below
    }
    const idle = Promise.all([this.#publishes.idle(), this.#appends.idle()]);
    await within(idle, patience, "No answer").catch(() => {}); // the same
    this.#setState("closed");
    this.#session.abort(unavailable("The adapter is closed"));
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let failures = 0; this.#state !== "closed"; failures++) {
      const started = Date.now();
      this.#session = new AbortController();
      const cause = await this.#runSession(this.#session);
      if (this.#closed && this.#state !== "up") break;
      if (Date.now() - started > STABLE_MS) failures = 0;
      this.#fail(cause);
      if (cause instanceof MissingPackageError) break; // it stays down, and says why
      const waitMs = RETRY_AT_LEAST_MS + backoffDelay(failures, RETRY);
      await delay(waitMs, { signal: this.#ending.signal });
    }
    if (!this.#closed) return;
    this.#setState("closed");
    await within(this.#pairs.close(), 1_000, "No answer").catch(() => {}); // the user's client is offline, and unsubscribes later
  }

  /** Runs one session from connecting to its end. Returns why it ended. Never rejects. */
  async #runSession(session: AbortController): Promise<unknown> {
    const { signal } = session;
    const { timeoutMs, probe } = this.#settings;
    const lost = (cause: unknown) => {
      if (signal.aborted) return;
      session.abort(cause);
      if (this.#state === "up") this.#fail(cause); // before anything else is sent to a dead session
    };
    let pair: ConnectionPair | undefined;
    let watchdog: ReturnType<typeof setInterval> | undefined;
    try {
      let echoed = true;
      pair = await this.#pairs.connect(
        {
          lost,
          message: (channel, payload) => {
            this.#subscriptions.active = true;
            if (channel === probe) echoed = true;
            else if (!signal.aborted) this.#receive(channel, payload);
          },
        },
        signal,
        timeoutMs,
      );
      await within(
        pair.subscribe([probe]),
        timeoutMs,
        "Redis did not confirm a subscription",
      );
      await this.#subscriptions.attach(pair, timeoutMs);
      signal.throwIfAborted();
      this.#publishes.attach(pair);
      this.#appends.attach(pair);
      this.#pair = pair;
      this.#setState("up");
      watchdog = setInterval(
        watch(pair, probe, this.#subscriptions, this.#publishes, {
          get echoed() {
            return echoed;
          },
          set echoed(is) {
            echoed = is;
          },
        }, () =>
          lost(
            unavailable(`Redis did not answer within ${timeoutMs} ms`),
          )),
        timeoutMs / 2,
      );
      await new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    } catch (cause) {
      session.abort(cause); // ignores everything that still arrives for this session
    } finally {
      clearInterval(watchdog);
    }
    pair?.end();
    return signal.reason;
  }

  /** Counts lost publishes and reports the outage once. */
  #fail(cause: unknown): void {
    if (this.#state === "closed") return;
    const again = this.#downReported && String(cause) === String(this.#cause);
    this.#cause = cause;
    this.#setState("down");
    this.#subscriptions.detach(cause);
    this.#publishes.detach();
    this.#appends.detach();
    if (!this.#downReported) this.#host.status("down", cause);
    else if (!again) this.#host.error(cause);
    this.#downReported = true;
  }

  #setState(state: State): void {
    if (this.#state === "closed") return;
    this.#state = state;
    if (state !== "up") this.#pair = undefined;
    const opened = this.#opened;
    this.#opened = [];
    for (const resolve of opened) resolve();
    if (state === "up" && this.#downReported) {
      this.#downReported = false;
      this.#host.status("up");
    }
    if (state === "closed") {
      this.#subscriptions.detach(unavailable("The adapter is closed"));
      this.#publishes.detach();
      this.#appends.close();
      this.#appends.close();
    }
  }

  #receive(channel: string, payload: string): void {
    if (this.#closed || !this.#subscriptions.wants(channel)) return;
    try {
      this.#host.message(channel, payload);
    } catch (error) {
      this.#host.error(error);
    }
  }

  #refused(error: unknown): void {
    const text = String(error);
    if (text === this.#refusal) return; // reported once for all that follow
    this.#refusal = text;
    this.#host.error(error);
  }
}

/**
 * Checks twice within `timeoutMs`, so that a process which was busy itself finds the replies that arrived meanwhile. A
 * silent subscriber counts as an outage as well as a silent publisher. The probe detects a subscriber that is connected
 * but receives nothing, such as a client that lost its subscriptions in its own reconnect.
 */
function watch(
  pair: ConnectionPair,
  probe: string,
  subscriptions: Subscriptions,
  publishes: Publishes,
  state: { echoed: boolean },
  lost: () => void,
): () => void {
  let silent = 0;
  let confirmed = true;
  return () => {
    if (state.echoed && confirmed) {
      silent = 0;
      state.echoed = confirmed = false;
      pair.publish(probe, "").then(
        () => confirmed = true,
        lost,
      );
    } else {
      const alive = (state.echoed || subscriptions.active) &&
        (confirmed || publishes.active);
      silent = alive ? 0 : silent + 1;
      if (silent === 2) lost();
    }
    subscriptions.active = publishes.active = false;
  };
}
