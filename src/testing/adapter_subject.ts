/**
 * What the adapter suite is made of, and what it asks of whoever runs it.
 *
 * @module
 */
import type { Adapter } from "../seams/adapter.ts";

/** Which promise of `Adapter`, or of its `presence` or `log`, a case is about; `open` is about that member alone. */
export type AdapterPromise =
  | "open"
  | "A1"
  | "A2"
  | "A3"
  | "A4"
  | "A5"
  | "A6"
  | "A7"
  | "A8"
  | "A9"
  | "A10"
  | "P1"
  | "P2"
  | "P3"
  | "P4"
  | "P6"
  | "L1"
  | "L2"
  | "L3"
  | "L4"
  | "L5"
  | "L6"
  | "L7"
  | "L8"
  | "L9"
  | "L10";

/** What some cases need beside adapters: a member of {@linkcode AdapterSubject} that may be absent. */
export type AdapterNeed =
  | "outage"
  | "presence"
  | "log"
  | "flush"
  | "rollback"
  | "lostReplies";

/** How the broker is taken away and brought back. */
export interface Outage {
  /** Takes the broker away, for all adapters of the subject. Settles when it is away. */
  begin(): void | Promise<void>;
  /** Brings the broker back. Settles when it can be reached. */
  end(): void | Promise<void>;
}

/**
 * One kind of adapter on one broker, as the suite sees it.
 *
 * Cases may share a subject: each has namespaces of its own. They must run one after the other, since an outage is
 * everybody's.
 *
 * @example The in-memory adapter, where a bus is a namespace
 * ```ts
 * import { createInMemoryAdapter, MemoryBus } from "@super-line/edge/adapters/memory";
 * import type { AdapterSubject } from "@super-line/edge/testing";
 *
 * const buses = new Map<string, MemoryBus>();
 * const subject: AdapterSubject = {
 *   patienceMs: 2_000,
 *   create({ namespace }) {
 *     const bus = buses.get(namespace) ?? new MemoryBus();
 *     buses.set(namespace, bus);
 *     return createInMemoryAdapter(bus);
 *   },
 * };
 * console.log(subject.patienceMs);
 * ```
 */
export interface AdapterSubject {
  /**
   * Makes an adapter on the broker that all adapters of this subject share. It is not opened yet; the suite opens and
   * closes it.
   *
   * @param options The namespace: letters, digits and hyphens
   */
  create(options: { readonly namespace: string }): Adapter | Promise<Adapter>;
  /**
   * How long anything that the seam promises may take, in milliseconds: a subscribe to settle, a payload to arrive, an
   * outage to be noticed, and to be over. A case needs it a few times over only when it fails.
   */
  readonly patienceMs: number;
  /** How the broker goes away. Where that cannot be done, leave it out: cases that need it are then to be skipped. */
  readonly outage?: Outage;
  /** That adapters have `presence`. */
  readonly presence?: true;
  /** That adapters have `log`. */
  readonly log?: true;
  /** Empties the broker of all logs, as a FLUSHALL does. Settles when they are gone. */
  flush?(): void | Promise<void>;
  /** How the broker loses what it has acknowledged: it is restarted from an older state, or a replica takes over. */
  readonly rollback?: Rollback;
  /**
   * From `begin` on the broker carries out what it is asked, but its replies are lost; at `end` the connections of all
   * adapters break, and new ones are whole.
   */
  readonly lostReplies?: Outage;
}

/** How a broker goes back to an older state. */
export interface Rollback {
  /** Remembers the state. Settles when it is safe. */
  save(): void | Promise<void>;
  /** Ends the broker and starts one that has the state that was saved. Settles when it can be reached. */
  restore(): void | Promise<void>;
}

/** One case of the suite. */
export interface AdapterCase {
  /** What has to hold, as a sentence; unique. */
  readonly name: string;
  /** Which promise it is about. */
  readonly promise: AdapterPromise;
  /** What the subject must have, nothing when left out. */
  readonly needs?: readonly AdapterNeed[];
  /**
   * Resolves when it holds, rejects when it does not. Settles within 20 times `patienceMs`, whatever the adapter does.
   *
   * @param subject What is tested
   */
  run(subject: AdapterSubject): Promise<void>;
}

/**
 * Says why a case is to be skipped, to be asked when it is registered.
 *
 * @param test The case
 * @param subject What it would test
 * @returns The reason, `undefined` when it is to run
 */
export function skipReason(
  test: AdapterCase,
  subject: AdapterSubject,
): string | undefined {
  const missing = test.needs?.filter((need) => subject[need] === undefined);
  return missing?.length
    ? `the subject declares no ${missing.join(", no ")}`
    : undefined;
}
