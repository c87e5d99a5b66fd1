/**
 * A Redis Cluster: one link to each server that owns slots.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import type { Appended, AppendOptions, LogRead } from "../../src/seams/log.ts";
import type { Position } from "../../src/wire/position.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import { Link, type LinkHost, type LinkSettings } from "./link.ts";
import { createNodeRedis, managedClient } from "./managed_client.ts";
import { Connections } from "./connections.ts";
import { Topology } from "./slots.ts";
import { unavailable, within } from "../shared/timing.ts";

const RETRY = { baseMs: 200, maxMs: 5_000, factor: 2 };
const RETRY_AT_LEAST_MS = 100;

/**
 * Spreads channels over the servers of a cluster, and reconnects when the servers change. A single Redis counts as a
 * cluster of one.
 */
export class Shards {
  readonly #url: string;
  readonly #host: LinkHost;
  readonly #settings: LinkSettings;
  #topology: Topology | undefined;
  readonly #links = new Map<string, Link>();
  readonly #down = new Set<string>();
  /** Channels that are live, or were live when the servers changed. */
  readonly #live = new Set<string>();
  /** Calls that wait until the servers are known or unreachable. */
  #waiting: (() => void)[] | undefined = [];
  #waitingLength = 0;
  #status: "up" | "down" = "up";
  #cause: unknown;
  #refreshing: Promise<void> | undefined;
  /** Aborts when the adapter closes. */
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(url: string, host: LinkHost, settings: LinkSettings) {
    this.#url = url;
    this.#host = host;
    this.#settings = settings;
  }

  /** Starts connecting. */
  open(): void {
    this.#refresh();
  }

  /** See `Adapter.subscribe`. */
  async subscribe(channel: string): Promise<void> {
    await this.#whenKnown();
    const link = this.#linkOf(channel);
    if (!link || this.#closed) {
      throw unavailable(
        `Cannot subscribe to ${JSON.stringify(channel)}: ${
          this.#closed ? "the adapter is closed" : "Redis is unreachable"
        }`,
        this.#cause,
      );
    }
    this.#live.add(channel);
    try {
      await link.subscribe(channel);
    } catch (error) {
      this.#live.delete(channel);
      if (isMoved(error)) this.#refresh();
      throw error;
    }
  }

  /** See `Adapter.unsubscribe`. */
  async unsubscribe(channel: string): Promise<void> {
    await this.#whenKnown();
    this.#live.delete(channel);
    await this.#linkOf(channel)?.unsubscribe(channel);
  }

  /** See `Adapter.publish`. */
  publish(channel: string, payload: string): void {
    const link = this.#linkOf(channel);
    const fits =
      this.#waitingLength + payload.length < this.#settings.maxPending;
    if (link) link.publish(channel, payload);
    else if (this.#waiting && fits && !this.#closed) {
      this.#waitingLength += payload.length;
      this.#waiting.push(() => {
        const link = this.#linkOf(channel);
        if (link) link.publish(channel, payload);
        else this.#host.dropped(channel, 1);
      });
    } else this.#host.dropped(channel, 1);
  }

  /** See `LogStore.append`. */
  async append(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Promise<Appended> {
    await this.#whenKnown();
    const link = this.#linkOf(channel);
    if (link) return await link.append(channel, payload, options);
    this.#settings.logs.broken.add(channel);
    const cause = unavailable(
      "Cannot append: Redis is unreachable",
      this.#cause,
    );
    return { kept: false, cause };
  }

  /** See `LogStore.read`. */
  async read(
    channel: string,
    after: Position | undefined,
    limit: number,
  ): Promise<LogRead> {
    await this.#whenKnown();
    const link = this.#linkOf(channel);
    if (link && !this.#closed) return await link.read(channel, after, limit);
    throw unavailable("Cannot read a log: Redis is unreachable", this.#cause);
  }

  /** Runs a script whose keys are of one slot. Rejects with UNAVAILABLE when the script may not have run. */
  async evaluate(
    script: string,
    keys: string[],
    args: string[],
  ): Promise<unknown> {
    await this.#whenKnown();
    const link = this.#linkOf(keys[0] ?? "");
    if (link && !this.#closed) return await link.evaluate(script, keys, args);
    throw unavailable(
      "Cannot use the presence store: Redis is unreachable",
      this.#cause,
    );
  }

  /** See `Adapter.close`. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    const looked = this.#refreshing ?? Promise.resolve();
    await within(looked, 2_000, "No answer").catch(() => {}); // it ends by itself, later
    this.#runWaiting();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  #linkOf(channel: string): Link | undefined {
    const address = this.#topology?.addressOf(channel);
    return address === undefined ? undefined : this.#links.get(address);
  }

  /** Resolves when the servers are known or unreachable, in the order of the calls. */
  #whenKnown(): Promise<void> | undefined {
    const early = this.#waiting;
    return early && new Promise((resolve) => early.push(resolve));
  }

  #runWaiting(): void {
    const early = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const act of early) act();
  }

  /** Reads the slots again until every server is up. Concurrent callers share one run. */
  #refresh(): void {
    this.#refreshing ??= this.#refreshUntilUp().finally(() =>
      this.#refreshing = undefined
    );
  }

  async #refreshUntilUp(): Promise<void> {
    for (let attempt = 0; !this.#closed || this.#waiting; attempt++) {
      try {
        const topology = await this.#fetchTopology();
        if (this.#closed && !this.#waiting) return;
        if (!this.#topology?.equals(topology)) {
          await this.#applyTopology(topology);
        }
        if (this.#down.size === 0 || this.#closed) return;
      } catch (cause) {
        this.#setStatus("down", cause);
        this.#runWaiting();
        if (this.#closed) return;
      }
      const waitMs = RETRY_AT_LEAST_MS + backoffDelay(attempt, RETRY);
      await delay(waitMs, { signal: this.#ending.signal });
    }
  }

  /** Asks the known servers, and last the one in the user's URL. */
  async #fetchTopology(): Promise<Topology> {
    const known = [...this.#links.keys()].filter((it) => !this.#down.has(it));
    let failure: unknown;
    for (const url of [...known.map((it) => this.#urlOf(it)), this.#url]) {
      try {
        return await fetchTopology(url, this.#settings.timeoutMs);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Replaces all links. Channels that were live are live again before `up` is reported. */
  async #applyTopology(topology: Topology): Promise<void> {
    const before = [...this.#links.values()];
    if (before.length > 0) {
      this.#setStatus(
        "down",
        unavailable("The servers of the cluster changed"),
      );
    }
    this.#links.clear();
    this.#down.clear();
    await Promise.all(before.map((link) => link.close()));
    this.#topology = topology;
    for (const address of topology.addresses) {
      this.#links.set(address, this.#createLink(topology, address));
    }
    for (const link of this.#links.values()) link.open();
    this.#runWaiting();
    const live = [...this.#live].map((channel) =>
      this.#linkOf(channel)?.subscribe(channel)
    );
    try {
      await Promise.all(live);
    } catch (cause) {
      this.#topology = undefined; // start over
      throw cause;
    }
    this.#settle();
  }

  #createLink(topology: Topology, address: string): Link {
    const { timeoutMs, probe } = this.#settings;
    const create = managedClient({
      url: this.#urlOf(address),
      timeoutMs,
      sharded: true,
    });
    const pairs = new Connections({
      publisher: create,
      subscriber: create,
      owns: { publisher: true, subscriber: true },
    });
    const isCurrent = () => this.#links.get(address) === link;
    const link: Link = new Link(pairs, {
      message: this.#host.message,
      dropped: this.#host.dropped,
      error: (error) => {
        if (isMoved(error)) this.#refresh();
        else this.#host.error(error);
      },
      status: (status, cause) => {
        if (!isCurrent()) return;
        if (status === "down") {
          this.#down.add(address);
          this.#setStatus("down", cause);
          this.#refresh(); // another server may have taken over its slots
        } else {
          this.#down.delete(address);
          this.#settle();
        }
      },
    }, {
      ...this.#settings,
      probe: topology.channelOn(address, `${probe}#`),
    });
    return link;
  }

  /** Reports `up` if every link is up. */
  #settle(): void {
    if (this.#down.size === 0 && this.#topology) this.#setStatus("up");
  }

  #setStatus(status: "up" | "down", cause?: unknown): void {
    this.#cause = cause;
    if (this.#status === status || this.#closed) return;
    this.#status = status;
    this.#host.status(status, cause);
  }

  #urlOf(address: string): string {
    const url = new URL(this.#url);
    url.host = address;
    return url.href;
  }
}

async function fetchTopology(
  url: string,
  timeoutMs: number,
): Promise<Topology> {
  const client = await createNodeRedis({ url, timeoutMs });
  client.on("error", () => {}); // commands that fail report it themselves
  try {
    const connected = client.connect();
    await within(connected, timeoutMs, "Redis did not answer");
    const asked = client.sendCommand(["CLUSTER", "SLOTS"]);
    const answer = await within(asked, timeoutMs, "Redis did not answer");
    const topology = Topology.parse(answer, new URL(url).hostname);
    if (topology) return topology;
    throw unavailable("The cluster has slots without a server");
  } catch (error) {
    if (/cluster support disabled/.test(String(error))) {
      return Topology.single(new URL(url).host);
    }
    throw error;
  } finally {
    client.destroy();
  }
}

function isMoved(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].some((it) => /\bMOVED\b/.test(String(it)));
}
