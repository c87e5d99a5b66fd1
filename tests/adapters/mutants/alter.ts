import type { Adapter, AdapterHost } from "../../../src/seams/adapter.ts";
import type { AdapterPromise } from "../../../src/testing/mod.ts";

/** What a mutant can see of its surroundings. */
export interface MutantState {
  readonly namespace: string;
  /** Whether the broker is away. */
  readonly down: boolean;
  /** Whether the adapter's `close` was called. */
  readonly closed: boolean;
}

/** An adapter with one fault. */
export interface Mutant {
  readonly name: string;
  /** The promises whose cases have to find it. */
  readonly breaks: readonly AdapterPromise[];
  readonly mutate: (adapter: Adapter, state: MutantState) => Adapter;
  /** Which of the reference's namespaces stands for one. */
  readonly namespace?: (namespace: string) => string;
}

/** The adapter with some members replaced. */
export function alter(
  adapter: Adapter,
  members: {
    readonly [K in keyof Adapter]?: Adapter[K] extends
      ((...args: infer P) => infer R) | undefined
      ? (...args: P) => R extends void ? unknown : R
      : Adapter[K];
  },
): Adapter {
  return {
    limits: adapter.limits,
    open: (host) => adapter.open(host),
    subscribe: (channel) => adapter.subscribe(channel),
    unsubscribe: (channel) => adapter.unsubscribe(channel),
    publish: (channel, payload) => adapter.publish(channel, payload),
    close: () => adapter.close(),
    presence: adapter.presence,
    log: adapter.log,
    alone: () => adapter.alone?.() ?? false,
    ...members,
  } as Adapter; // a publish that returns something is one, too
}

/** The adapter with a host whose members are some replaced. */
export function listening(
  adapter: Adapter,
  members: (host: AdapterHost) => Partial<AdapterHost>,
  on: { readonly up?: () => void; readonly down?: () => void } = {},
): Adapter {
  return alter(adapter, {
    open: (host) =>
      adapter.open({
        nodeId: host.nodeId,
        message: (channel, payload) => host.message(channel, payload),
        appended: (channel, entries) => host.appended(channel, entries),
        lost: (channels) => host.lost(channels),
        status: (status, cause) => {
          on[status]?.();
          host.status(status, cause);
        },
        dropped: (channel, count) => host.dropped(channel, count),
        error: (error) => host.error(error),
        ...members(host),
      }),
  });
}

/** The adapter with all channels renamed on the broker, and named back as first subscribed. */
export function rename(
  adapter: Adapter,
  to: (channel: string) => string,
): Adapter {
  const names = new Map<string, string>();
  return alter(
    listening(adapter, (host) => ({
      message: (channel, payload) =>
        host.message(names.get(channel) ?? channel, payload),
    })),
    {
      subscribe: (channel) => {
        names.set(to(channel), channel);
        return adapter.subscribe(to(channel));
      },
      unsubscribe: (channel) => adapter.unsubscribe(to(channel)),
      publish: (channel, payload) => adapter.publish(to(channel), payload),
    },
  );
}

/** Waits for the next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
