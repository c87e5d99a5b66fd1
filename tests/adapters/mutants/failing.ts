import { alter, listening, type Mutant } from "./alter.ts";

/** Faults against A5 and A7. */
export const failing: readonly Mutant[] = [
  {
    name: "acknowledges a subscribe that failed",
    breaks: ["A5"],
    mutate: (adapter, state) => {
      return alter(adapter, {
        subscribe: (channel) =>
          adapter.subscribe(channel).catch((error) => {
            if (state.closed) throw error;
          }),
      });
    },
  },
  {
    name: "after a failed subscribe acknowledges the next one and stays deaf",
    breaks: ["A5", "A7"],
    mutate: (adapter, state) => {
      const failed = new Set<string>();
      return alter(adapter, {
        subscribe: (channel) => {
          if (failed.has(channel) && !state.closed) return Promise.resolve();
          return adapter.subscribe(channel).catch((error) => {
            failed.add(channel);
            throw error;
          });
        },
      });
    },
  },
  {
    name: "tells only the first of the callers whose subscribe failed",
    breaks: ["A5"],
    mutate: (adapter, state) => {
      const waiting = new Set<string>();
      return alter(adapter, {
        subscribe: (channel) => {
          const attempt = adapter.subscribe(channel);
          if (waiting.has(channel) && !state.closed) {
            return attempt.catch(() => {});
          }
          waiting.add(channel);
          setTimeout(() => waiting.delete(channel));
          return attempt;
        },
      });
    },
  },
  {
    name: "rejects a failed subscribe without a code",
    breaks: ["A5", "A8"],
    mutate: (adapter) =>
      alter(adapter, {
        subscribe: (channel) =>
          adapter.subscribe(channel).catch(() => {
            throw new Error("connection lost");
          }),
      }),
  },
  {
    name: "subscribes late what failed, though its caller was told",
    breaks: ["A5"],
    mutate: (adapter) => {
      const failed = new Set<string>();
      return alter(
        listening(adapter, () => ({}), {
          up: () => failed.forEach((it) => void adapter.subscribe(it)),
        }),
        {
          subscribe: (channel) =>
            adapter.subscribe(channel).catch((error) => {
              failed.add(channel);
              throw error;
            }),
        },
      );
    },
  },
  {
    name: "says nothing of an outage",
    breaks: ["A5", "A7", "A8", "P6"], // the cases of A5, A8 and P6 wait for it
    mutate: (adapter) => listening(adapter, () => ({ status: () => {} })),
  },
  {
    name: "forgets its subscriptions in an outage",
    breaks: ["A7"],
    mutate: (adapter) => {
      const known = new Set<string>();
      return alter(
        listening(adapter, () => ({}), {
          down: () => known.forEach((it) => void adapter.unsubscribe(it)),
        }),
        {
          subscribe: (channel) => {
            known.add(channel);
            return adapter.subscribe(channel);
          },
        },
      );
    },
  },
  {
    name: "throws out of publish during an outage",
    breaks: ["A7", "A8"],
    mutate: (adapter, state) => {
      return alter(adapter, {
        publish: (channel, payload) => {
          if (state.down && !state.closed) throw new Error("connection lost");
          adapter.publish(channel, payload);
        },
      });
    },
  },
  {
    name: "does not count what it lost",
    breaks: ["A7"],
    mutate: (adapter) => listening(adapter, () => ({ dropped: () => {} })),
  },
];
