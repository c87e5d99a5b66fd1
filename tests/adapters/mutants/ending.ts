import { alter, type Mutant, rename, turn } from "./alter.ts";

/** Faults against A8, A9 and A10. */
export const ending: readonly Mutant[] = [
  {
    name: "gives a new promise at the second close",
    breaks: ["A8"],
    mutate: (adapter) =>
      alter(adapter, { close: () => adapter.close().then(() => {}) }),
  },
  {
    name: "does not end its close while the broker is away",
    breaks: ["A8"],
    mutate: (adapter, state) => {
      let closed: Promise<void> | undefined;
      return alter(adapter, {
        close: () =>
          closed ??= state.down ? new Promise(() => {}) : adapter.close(),
      });
    },
  },
  {
    name: "hears after close",
    breaks: ["A8"],
    mutate: (adapter) => {
      const done = Promise.resolve();
      return alter(adapter, {
        close: () => {
          setTimeout(() => void adapter.close(), 50);
          return done;
        },
      });
    },
  },
  {
    name: "throws out of publish after close",
    breaks: ["A8"],
    mutate: (adapter, state) => {
      return alter(adapter, {
        publish: (channel, payload) => {
          if (state.closed) throw new Error("closed");
          adapter.publish(channel, payload);
        },
      });
    },
  },
  {
    name: "loses at close what it has not sent",
    breaks: ["A8"],
    mutate: (adapter) => {
      const queue: (() => void)[] = [];
      return alter(adapter, {
        publish: (channel, payload) => {
          if (queue.length === 0) {
            queueMicrotask(() => queue.splice(0).forEach((send) => send()));
          }
          queue.push(() => adapter.publish(channel, payload));
        },
        close: () => {
          queue.length = 0;
          return adapter.close();
        },
      });
    },
  },
  {
    name: "has one namespace for all",
    breaks: ["A9"],
    mutate: (adapter) => adapter,
    namespace: () => "one",
  },
  {
    name: "writes namespace and channel after each other",
    breaks: ["A9"],
    mutate: (adapter, state) =>
      rename(
        adapter,
        (channel) => state.namespace.endsWith("-xy") ? `y${channel}` : channel,
      ),
    namespace: (namespace) => namespace.replace(/-xy$/, "-x"),
  },
  {
    name: "subscribes one channel after the other",
    breaks: ["A10"],
    mutate: (adapter, state) => {
      let last = Promise.resolve();
      let burst = 0;
      return alter(adapter, {
        subscribe: async (channel) => {
          if (burst++ === 0) setTimeout(() => burst = 0);
          if (burst > 1_000) {
            await (last = last.then(() => state.closed ? undefined : turn()));
          }
          await adapter.subscribe(channel);
        },
      });
    },
  },
];
