/**
 * A Redis Cluster: one link to each of its servers that has slots.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import { Link, type LinkHost, type LinkSettings } from "./link.ts";
import { createNodeRedis, ownClient } from "./managed_client.ts";
import { Pairs } from "./connections.ts";
import { Topology } from "./slots.ts";
import { unavailable, within } from "../shared/timing.ts";

const RETRY = { baseMs: 200, maxMs: 5_000, factor: 2 };
const RETRY_AT_LEAST_MS = 100;

/** Spreads channels over the servers of a cluster, and begins anew when they change. A Redis that is none is one. */
export class Shards {
  readonly #url: string;
  readonly #host: LinkHost;
  readonly #settings: LinkSettings;
  #topology: Topology | undefined;
  readonly #links = new Map<string, Link>();
  readonly #down = new Set<string>();
  /** Channels that are live, or were when the servers changed. */
  readonly #live = new Set<string>();
  /** What is to be done once the servers are known, or turn out not to be reachable. */
  #early: (() => void)[] | undefined = [];
  #earlyLength = 0;
  #status: "up" | "down" = "up";
  #cause: unknown;
  #looking: Promise<void> | undefined;
  /** Aborts when the adapter closes. */
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(url: string, host: LinkHost, settings: LinkSettings) {
    this.#url = url;
    this.#host = host;
    this.#settings = settings;
  }

  /** Starts. */
  open(): void {
    this.#look();
  }

  /** See `Adapter.subscribe`. */
  async subscribe(channel: string): Promise<void> {
    await this.#known();
    const link = this.#linkOf(channel);
    if (!link || this.#closed) {
      throw unavailable(
        `Cannot subscribe to ${JSON.stringify(channel)}: ${
          this.#closed ? "the adapter is closed" : "Redis is away"
        }`,
        this.#cause,
      );
    }
    this.#live.add(channel);
    try {
      await link.subscribe(channel);
    } catch (error) {
      this.#live.delete(channel);
      if (isMoved(error)) this.#look();
      throw error;
    }
  }

  /** See `Adapter.unsubscribe`. */
  async unsubscribe(channel: string): Promise<void> {
    await this.#known();
    this.#live.delete(channel);
    await this.#linkOf(channel)?.unsubscribe(channel);
  }

  /** See `Adapter.publish`. */
  publish(channel: string, payload: string): void {
    const link = this.#linkOf(channel);
    const fits = this.#earlyLength + payload.length < this.#settings.maxPending;
    if (link) link.publish(channel, payload);
    else if (this.#early && fits && !this.#closed) {
      this.#earlyLength += payload.length;
      this.#early.push(() => {
        const link = this.#linkOf(channel);
        if (link) link.publish(channel, payload);
        else this.#host.dropped(channel, 1);
      });
    } else this.#host.dropped(channel, 1);
  }

  /** Runs a script whose keys are of one slot. Rejects UNAVAILABLE where it may not have been run. */
  async evaluate(
    script: string,
    keys: string[],
    args: string[],
  ): Promise<unknown> {
    await this.#known();
    const link = this.#linkOf(keys[0] ?? "");
    if (link && !this.#closed) return await link.evaluate(script, keys, args);
    throw unavailable("Cannot reach the registry: Redis is away", this.#cause);
  }

  /** See `Adapter.close`. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    const looked = this.#looking ?? Promise.resolve();
    await within(looked, 2_000, "No answer").catch(() => {}); // it ends by itself, later
    this.#doEarly();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  #linkOf(channel: string): Link | undefined {
    const address = this.#topology?.addressOf(channel);
    return address === undefined ? undefined : this.#links.get(address);
  }

  /** Resolves when the servers are known, or not to be known. In order. */
  #known(): Promise<void> | undefined {
    const early = this.#early;
    return early && new Promise((resolve) => early.push(resolve));
  }

  #doEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const act of early) act();
  }

  /** Looks who has which slots until all is well; once for all who ask meanwhile. */
  #look(): void {
    this.#looking ??= this.#lookOn().finally(() => this.#looking = undefined);
  }

  async #lookOn(): Promise<void> {
    for (let attempt = 0; !this.#closed || this.#early; attempt++) {
      try {
        const topology = await this.#ask();
        if (this.#closed && !this.#early) return;
        if (!this.#topology?.equals(topology)) await this.#take(topology);
        if (this.#down.size === 0 || this.#closed) return;
      } catch (cause) {
        this.#turnTo("down", cause);
        this.#doEarly();
        if (this.#closed) return;
      }
      const waitMs = RETRY_AT_LEAST_MS + backoffDelay(attempt, RETRY);
      await delay(waitMs, { signal: this.#ending.signal });
    }
  }

  /** Asks those that are known, the one that the user named last. */
  async #ask(): Promise<Topology> {
    const known = [...this.#links.keys()].filter((it) => !this.#down.has(it));
    let failure: unknown;
    for (const url of [...known.map((it) => this.#urlOf(it)), this.#url]) {
      try {
        return await askOne(url, this.#settings.timeoutMs);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Replaces all links. What was live becomes so again on the new ones before it is told. */
  async #take(topology: Topology): Promise<void> {
    const before = [...this.#links.values()];
    if (before.length > 0) {
      this.#turnTo("down", unavailable("The servers of the cluster changed"));
    }
    this.#links.clear();
    this.#down.clear();
    await Promise.all(before.map((link) => link.close()));
    this.#topology = topology;
    for (const address of topology.addresses) {
      this.#links.set(address, this.#createLink(topology, address));
    }
    for (const link of this.#links.values()) link.open();
    this.#doEarly();
    const live = [...this.#live].map((channel) =>
      this.#linkOf(channel)?.subscribe(channel)
    );
    try {
      await Promise.all(live);
    } catch (cause) {
      this.#topology = undefined; // begin anew
      throw cause;
    }
    this.#settle();
  }

  #createLink(topology: Topology, address: string): Link {
    const { timeoutMs, probe } = this.#settings;
    const own = ownClient({
      url: this.#urlOf(address),
      timeoutMs,
      sharded: true,
    });
    const pairs = new Pairs({
      publisher: own,
      subscriber: own,
      owns: { publisher: true, subscriber: true },
    });
    const mine = () => this.#links.get(address) === link;
    const link: Link = new Link(pairs, {
      message: this.#host.message,
      dropped: this.#host.dropped,
      error: (error) => {
        if (isMoved(error)) this.#look();
        else this.#host.error(error);
      },
      status: (status, cause) => {
        if (!mine()) return;
        if (status === "down") {
          this.#down.add(address);
          this.#turnTo("down", cause);
          this.#look(); // another server may have taken its place
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

  /** Tells that all is well, if so. */
  #settle(): void {
    if (this.#down.size === 0 && this.#topology) this.#turnTo("up");
  }

  #turnTo(status: "up" | "down", cause?: unknown): void {
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

async function askOne(url: string, timeoutMs: number): Promise<Topology> {
  const client = await createNodeRedis({ url, timeoutMs });
  client.on("error", () => {}); // what fails says so itself
  try {
    const connected = client.connect();
    await within(connected, timeoutMs, "Redis has not answered");
    const asked = client.sendCommand(["CLUSTER", "SLOTS"]);
    const answer = await within(asked, timeoutMs, "Redis has not answered");
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
