import { alter, type Mutant, turn } from "./alter.ts";

/** Faults against `open`, A1 and A2. */
export const subscribing: readonly Mutant[] = [
  {
    name: "resolves subscribe before it is live",
    breaks: ["A1"],
    mutate: (adapter, state) => {
      const wanted = new Set<string>();
      return alter(adapter, {
        subscribe: (channel) => {
          if (state.closed || state.down) return adapter.subscribe(channel);
          wanted.add(channel);
          setTimeout(() => {
            if (!state.closed && wanted.has(channel)) {
              adapter.subscribe(channel);
            }
          });
          return Promise.resolve();
        },
        unsubscribe: (channel) => {
          wanted.delete(channel);
          return adapter.unsubscribe(channel);
        },
      });
    },
  },
  {
    name: "acknowledges a second subscribe while the first is under way",
    breaks: ["A1", "A5"],
    mutate: (adapter) => {
      const known = new Set<string>();
      return alter(adapter, {
        subscribe: async (channel) => {
          if (known.has(channel)) return;
          known.add(channel);
          await turn();
          if (!known.has(channel)) return;
          await adapter.subscribe(channel).catch((error) => {
            known.delete(channel);
            throw error;
          });
        },
        unsubscribe: (channel) => {
          known.delete(channel);
          return adapter.unsubscribe(channel);
        },
        close: () => {
          known.clear();
          return adapter.close();
        },
      });
    },
  },
  {
    name: "calls itself alone",
    breaks: ["A1"],
    mutate: (adapter) => alter(adapter, { alone: () => true }),
  },
  {
    name: "delivers after unsubscribe",
    breaks: ["A2", "A7"],
    mutate: (adapter) => {
      const leaving = new Map<string, ReturnType<typeof setTimeout>>();
      return alter(adapter, {
        subscribe: (channel) => {
          clearTimeout(leaving.get(channel));
          return adapter.subscribe(channel);
        },
        unsubscribe: (channel) => {
          clearTimeout(leaving.get(channel));
          const later = setTimeout(() => adapter.unsubscribe(channel), 20);
          leaving.set(channel, later);
          return Promise.resolve();
        },
      });
    },
  },
  {
    name: "lets a slow unsubscribe end a later subscribe",
    breaks: ["A2"],
    mutate: (adapter) =>
      alter(adapter, {
        unsubscribe: async (channel) => {
          await undefined;
          await adapter.unsubscribe(channel);
        },
      }),
  },
  {
    name: "lets a slow subscribe undo a later unsubscribe",
    breaks: ["A2"],
    mutate: (adapter, state) => {
      return alter(adapter, {
        subscribe: async (channel) => {
          if (!state.closed) await turn();
          await adapter.subscribe(channel);
        },
      });
    },
  },
  {
    name: "counts subscribes of one channel",
    breaks: ["A2"],
    mutate: (adapter) => {
      const counts = new Map<string, number>();
      return alter(adapter, {
        subscribe: (channel) => {
          counts.set(channel, (counts.get(channel) ?? 0) + 1);
          return adapter.subscribe(channel);
        },
        unsubscribe: async (channel) => {
          const count = (counts.get(channel) ?? 0) - 1;
          counts.set(channel, Math.max(0, count));
          if (count <= 0) await adapter.unsubscribe(channel);
        },
      });
    },
  },
  {
    name: "opens twice",
    breaks: ["open"],
    mutate: (adapter) => {
      let open = false;
      return alter(adapter, {
        open: (host) => {
          if (!open) adapter.open(host);
          open = true;
        },
      });
    },
  },
];
