import type { Adapter, AdapterHost } from "../../src/seams/adapter.ts";
import { SocketError } from "../../src/wire/errors.ts";
import type { AdapterSubject } from "../../src/testing/mod.ts";

/**
 * A second reference: a broker at a distance, as real ones are. Whatever crosses takes its time, in order; an outage
 * loses what is under way, and the broker its subscriptions; own payloads do not come back.
 */
export function createDistantSubject(
  { patienceMs, latencyMs }: { patienceMs: number; latencyMs: number },
): AdapterSubject {
  const broker = new DistantBroker(latencyMs);
  return {
    patienceMs,
    create: ({ namespace }) => new DistantAdapter(broker, `${namespace} `),
    outage: { begin: () => broker.fail(), end: () => broker.restore() },
  };
}

class DistantBroker {
  readonly latencyMs: number;
  readonly nodes = new Set<DistantAdapter>();
  readonly channels = new Map<string, Set<DistantAdapter>>();
  up = true;

  constructor(latencyMs: number) {
    this.latencyMs = latencyMs;
  }

  fail(): void {
    this.up = false;
    this.channels.clear();
    for (const node of this.nodes) this.cross(() => node.lost());
  }

  restore(): void {
    this.up = true;
    for (const node of this.nodes) this.cross(() => node.found());
  }

  subscribe(name: string, node: DistantAdapter): void {
    const nodes = this.channels.get(name) ?? new Set();
    this.channels.set(name, nodes.add(node));
  }

  unsubscribe(name: string, node: DistantAdapter): void {
    this.channels.get(name)?.delete(node);
  }

  publish(name: string, payload: string, from: DistantAdapter): void {
    for (const node of this.channels.get(name) ?? []) {
      if (node !== from) {
        this.cross(() => this.up && node.receive(name, payload));
      }
    }
  }

  /** Timers of one length fire in the order that they were set. */
  cross(arrive: () => void): void {
    setTimeout(arrive, this.latencyMs);
  }
}

class DistantAdapter implements Adapter {
  readonly limits = { maxPayloadBytes: 2_000_000 };
  readonly #broker: DistantBroker;
  readonly #prefix: string;
  /** Channels asked for, and whether they were ever live. */
  readonly #wanted = new Map<string, boolean>();
  #host: AdapterHost | undefined;
  #down = false;
  #closed: Promise<void> | undefined;

  constructor(broker: DistantBroker, prefix: string) {
    this.#broker = broker;
    this.#prefix = prefix;
  }

  open(host: AdapterHost): void {
    if (this.#host) throw new TypeError("Cannot open twice");
    this.#host = host;
    this.#broker.nodes.add(this);
    if (!this.#broker.up) this.lost();
  }

  async subscribe(channel: string): Promise<void> {
    const name = this.#prefix + channel;
    if (!this.#wanted.has(name)) this.#wanted.set(name, false);
    try {
      await this.#ask(() => this.#broker.subscribe(name, this));
      if (this.#wanted.has(name)) this.#wanted.set(name, true);
    } catch (error) {
      if (this.#wanted.get(name) === false) this.#wanted.delete(name);
      throw error;
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    const name = this.#prefix + channel;
    this.#wanted.delete(name);
    try {
      await this.#ask(() => this.#broker.unsubscribe(name, this));
    } catch {
      // The broker that is away has forgotten it.
    }
  }

  publish(channel: string, payload: string): void {
    if (this.#closed || this.#down) return this.#host?.dropped(channel, 1);
    this.#broker.cross(() => {
      if (!this.#broker.up) return this.#host?.dropped(channel, 1);
      this.#broker.publish(this.#prefix + channel, payload, this);
    });
  }

  close(): Promise<void> {
    return this.#closed ??= new Promise((resolve) => {
      this.#broker.nodes.delete(this);
      for (const name of this.#wanted.keys()) {
        this.#broker.unsubscribe(name, this);
      }
      this.#wanted.clear();
      this.#broker.cross(resolve);
    });
  }

  receive(name: string, payload: string): void {
    if (!this.#wanted.has(name)) return;
    try {
      this.#host?.message(name.slice(this.#prefix.length), payload);
    } catch (error) {
      this.#host?.error(error);
    }
  }

  lost(): void {
    this.#down = true;
    this.#host?.status("down");
  }

  found(): void {
    for (const name of this.#wanted.keys()) this.#broker.subscribe(name, this);
    this.#broker.cross(() => {
      this.#down = false;
      this.#host?.status("up");
    });
  }

  /** There and back. */
  #ask(run: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new SocketError("UNAVAILABLE"));
      if (this.#closed || this.#down) return fail();
      this.#broker.cross(() => {
        if (!this.#broker.up || this.#closed) return fail();
        run();
        this.#broker.cross(() => this.#broker.up ? resolve() : fail());
      });
    });
  }
}
