/**
 * Presence in the broker: each node writes its connections, and reads those of all nodes.
 *
 * @module
 */
import type { Adapter } from "../../seams/adapter.ts";
import { backoffDelay } from "../../shared/backoff.ts";
import {
  type ConnectionInfo,
  infoOf,
  isConnectionInfo,
  type PresenceQuery,
} from "./query.ts";
import { roomChannel, userChannel } from "../fanout/channels.ts";
import type { PresenceHost } from "./host.ts";
import type {
  PresenceChange,
  PresenceStore,
} from "../../seams/presence_store.ts";
import { MAX_TIMER_MS, unref } from "../../shared/timers.ts";
import { SocketError } from "../../wire/errors.ts";
import { quote } from "../../contract/names.ts";
import type { Session } from "../connection/session.ts";

/** The settings of the registry. */
export interface RegistrySettings {
  /** After how long without a renewal a node's connections expire, in milliseconds. */
  readonly ttlMs: number;
  /** How long changes are collected before they are written, in milliseconds. */
  readonly gatherMs: number;
}

/** What the broker has stored of a connection. */
interface Known {
  /** The sets that the connection may be in. */
  readonly sets: readonly string[];
  /** Whether the broker has confirmed that. */
  readonly sure: boolean;
}

/** Why a write failed. */
interface Failure {
  readonly error: unknown;
}

/** The most changes of one write. */
const AT_ONCE = 1_000;
/** How long `close` waits for the node's connections to be removed, in milliseconds. */
const CLOSE_MS = 2_000;

/** The default time to live. It is longer where each command costs. */
const TTL_MS = 20_000;
const TTL_METERED_MS = 60_000;
/** How long changes are collected where each command costs. */
const GATHER_METERED_MS = 250;

/**
 * Creates the registry, if the option `presence` is on.
 *
 * @throws {TypeError} If the adapter has no presence store
 * @throws {RangeError} If the time to live is out of its bounds
 */
export function openRegistry(
  host: PresenceHost,
  { presence: store, metered = false }: Adapter,
): Registry | undefined {
  const { presence = false } = host.settings;
  if (presence === false) return undefined;
  if (!store) {
    throw new TypeError(
      "Cannot create a server: presence is on, and the adapter has no registry, must be one that has",
    );
  }
  const { ttlMs = metered ? TTL_METERED_MS : TTL_MS } = presence === true
    ? {}
    : presence;
  if (!(ttlMs >= 1_000 && ttlMs <= MAX_TIMER_MS)) {
    throw new RangeError(
      `Cannot create a server: presence.ttlMs is ${ttlMs}, must be from 1000 to ${MAX_TIMER_MS}`,
    );
  }
  const gatherMs = metered ? GATHER_METERED_MS : 0;
  return new Registry(host, store, { ttlMs, gatherMs });
}

/** Writes this node's connections, and reads those of all nodes. */
export class Registry {
  readonly #host: PresenceHost;
  readonly #store: PresenceStore;
  readonly #settings: RegistrySettings;
  readonly #known = new Map<Session, Known>();
  readonly #changed = new Set<Session>();
  /** The write or renewal in progress. They run in order and never overlap. */
  #last: Promise<Failure | undefined> = Promise.resolve(undefined);
  #flushing: Promise<Failure | undefined> | undefined;
  #renewing: Promise<Failure | undefined> | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #failures = 0;
  /** The last error, so that a repeated one is not reported again. */
  #lastError = "";
  #refusalReported = false;
  #closed = false;

  constructor(
    host: PresenceHost,
    store: PresenceStore,
    settings: RegistrySettings,
  ) {
    this.#host = host;
    this.#store = store;
    this.#settings = settings;
  }

  /** How many connections are stored, or about to be. */
  get size(): number {
    return this.#known.size + this.#changed.size;
  }

  /** A connection came, left, or is in other rooms. */
  changed(session: Session): void {
    if (this.#closed) return;
    this.#changed.add(session);
    this.#renewal ??= unref(
      setInterval(() => void this.renew(), this.#settings.ttlMs / 3),
    );
    this.#flushIn(this.#settings.gatherMs);
  }

  /** Renews this node's connections, and checks that the broker still has all of them. */
  renew(): Promise<Failure | undefined> {
    return this.#renewing ??= this.#renew()
      .finally(() => this.#renewing = undefined);
  }

  #renew(): Promise<Failure | undefined> {
    return this.#inOrder(async () => {
      if (this.#closed || this.#known.size === 0) return;
      const count = await this.#store.renew(this.#settings.ttlMs);
      if (count === this.#known.size) return;
      // More than expected: over HTTP, a request that was given up may run late.
      if (count > this.#known.size) {
        await this.#store.clear();
        this.#known.clear();
      }
      for (const session of this.#host.sessions.values()) {
        if (session.welcomed) this.#doubt(session);
      }
    });
  }

  /** The broker is reachable again, perhaps without its data. */
  up(): void {
    this.#failures = 0;
    if (this.#changed.size > 0) this.#flushIn(0);
    void this.renew();
  }

  /**
   * Lists the connections of all nodes.
   *
   * @throws {SocketError} UNAVAILABLE while this node cannot write its own
   */
  async list([what, about]: PresenceQuery): Promise<ConnectionInfo[]> {
    await this.#written();
    const entries = await this.#store.list(setOf(what, about));
    return entries.flatMap(({ nodeId, id, text }) => {
      const whole = `${nodeId}.${id}`;
      const info = { ...parse(text), id: whole, nodeId };
      if (isConnectionInfo(info)) return [info];
      this.#refuse(whole);
      return [];
    });
  }

  /** Counts the connections of each node. Throws as `list` does. */
  async counts([what, about]: PresenceQuery): Promise<Map<string, number>> {
    await this.#written();
    const counts = await this.#store.counts(setOf(what, about));
    for (const [nodeId, count] of counts) {
      if (count === 0) counts.delete(nodeId); // perhaps not a node: any client of the broker may have written the name
      if (Number.isSafeInteger(count) && count >= 0) continue;
      throw new SocketError(
        "UNAVAILABLE",
        `Cannot count connections: the registry answered ${count}, must be a number of connections`,
      );
    }
    return counts;
  }

  /** Removes all connections of this node. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#flushTimer);
    clearInterval(this.#renewal);
    const had = this.#known.size > 0;
    this.#changed.clear();
    this.#known.clear();
    if (!had && !this.#flushing) return;
    const cleared = this.#inOrder(() => this.#store.clear());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS); // then they stay until they expire
    });
    await Promise.race([cleared, late]);
    clearTimeout(timer);
  }

  #flushIn(ms: number): void {
    this.#flushTimer ??= unref(setTimeout(() => void this.#catchUp(), ms));
  }

  /** Writes changes, or retries a failed renewal. Never rejects. */
  #catchUp(): Promise<unknown> {
    const renews = this.#changed.size === 0 && this.#failures > 0;
    this.#flushTimer = undefined;
    return renews ? this.renew() : this.#flush();
  }

  /** Resolves when this node's connections are written. A read before that, or while writes fail, would be wrong. */
  async #written(): Promise<void> {
    const { status } = this.#host.hub;
    let failure: Failure | undefined = status.state === "down"
      ? { error: status.cause }
      : await this.#flush();
    if (failure && status.state === "up" && this.#changed.size === 0) {
      failure = await this.renew() ?? await this.#flush();
    }
    if (!failure) return;
    throw new SocketError(
      "UNAVAILABLE",
      "Cannot tell who is connected: this node cannot write its own connections to the registry, the broker must be reachable and accept writes",
      undefined,
      { cause: failure.error },
    );
  }

  /** Writes changes; resolves after the write or its failure, together with the last one. */
  #flush(): Promise<Failure | undefined> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#changed.size === 0) return this.#flushing ?? this.#last;
    return this.#flushing ??= this.#inOrder(() => this.#write())
      .finally(() => this.#flushing = undefined);
  }

  async #write(): Promise<void> {
    while (this.#changed.size > 0 && !this.#closed) {
      const changes = new Map<Session, PresenceChange>();
      for (const session of this.#changed) {
        if (changes.size === AT_ONCE) break;
        this.#changed.delete(session);
        const change = this.#changeOf(session);
        if (!change) continue;
        changes.set(session, change);
        // Until it is confirmed, both the old and the new sets may be stored.
        const sets = [...change.sets, ...change.left];
        this.#known.set(session, { sets, sure: false });
      }
      if (changes.size === 0) continue;
      try {
        await this.#store.write([...changes.values()], this.#settings.ttlMs);
      } catch (error) {
        for (const session of changes.keys()) this.#changed.add(session);
        throw error;
      }
      for (const [session, { text, sets }] of changes) {
        if (text === undefined) this.#known.delete(session);
        else this.#known.set(session, { sets, sure: true });
      }
    }
    if (this.size > 0) return;
    clearInterval(this.#renewal); // no connections: nothing to renew
    this.#renewal = undefined;
  }

  #changeOf(session: Session): PresenceChange | undefined {
    const known = this.#known.get(session);
    const id = session.handle.id.slice(this.#host.nodeId.length + 1);
    if (session.over) {
      if (!known) return undefined;
      return { id, text: undefined, sets: [], left: known.sets };
    }
    const sets = (session.channels ?? []).map(({ name }) => name)
      .filter((name) => /^(room|user):/.test(name));
    const left = known?.sets.filter((set) => !sets.includes(set)) ?? [];
    const same = known?.sure && left.length === 0 &&
      sets.length === known.sets.length;
    if (same) return undefined;
    const { id: _id, nodeId: _nodeId, ...info } = infoOf(this.#host, session);
    return { id, text: JSON.stringify(info), sets, left };
  }

  /** Counts an entry that no node of this version wrote; the first one is reported. */
  #refuse(id: string): void {
    this.#host.hub.counters.foreign++;
    if (this.#refusalReported) return;
    this.#refusalReported = true;
    const error = new TypeError(
      `Cannot read the registry's entry of connection ${
        quote(id)
      }: it does not describe a connection, must be written by a node of the same version; further ones are only counted`,
    );
    this.#host.report(error, { source: "adapter", name: "presence" });
  }

  /** Writes a connection again, whatever the broker has stored. */
  #doubt(session: Session): void {
    const { sets = [] } = this.#known.get(session) ?? {};
    this.#known.set(session, { sets, sure: false });
    this.changed(session);
  }

  /** Runs tasks one after the other. Never rejects: a failed task is retried. */
  #inOrder(task: () => Promise<void>): Promise<Failure | undefined> {
    return this.#last = this.#last.then(task).then(
      () => {
        if (this.#changed.size > 0) return undefined; // a renewal may succeed while writes are refused
        this.#failures = 0;
        this.#lastError = "";
        return undefined;
      },
      (error) => {
        this.#failed(error);
        return { error };
      },
    );
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const maxMs = this.#settings.ttlMs / 3;
    this.#flushIn(
      backoffDelay(this.#failures++, { baseMs: 500, maxMs, factor: 2 }),
    );
    const text = String(error);
    if (text === this.#lastError || this.#host.hub.status.state === "down") {
      return;
    }
    this.#lastError = text;
    this.#host.report(error, { source: "adapter", name: "presence" });
  }
}

function setOf(what: string, about = ""): string | undefined {
  if (what === "room") return roomChannel(about);
  return what === "user" || what === "online" ? userChannel(about) : undefined;
}

/** Parses the members of an entry; returns none if it is not JSON. */
function parse(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
