import type { Adapter } from "../../src/adapter.ts";
import type { AdapterPromise } from "../../src/testing/mod.ts";
import { alter, listening, rename } from "./alter.ts";

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

/** The faults that the suite has to find, one each. */
export const mutants: readonly Mutant[] = [
  {
    name: "drops what a node publishes after its first 100",
    breaks: ["A3"],
    mutate: (adapter) => {
      let count = 0;
      return alter(adapter, {
        publish: (channel, payload) =>
          ++count <= 100 && adapter.publish(channel, payload),
      });
    },
  },
  {
    name: "repeats one payload of a channel",
    breaks: ["A3"],
    mutate: (adapter) => {
      const counts = new Map<string, number>();
      return alter(adapter, {
        publish: (channel, payload) => {
          const count = (counts.get(channel) ?? 0) + 1;
          counts.set(channel, count);
          adapter.publish(channel, payload);
          if (count === 45) adapter.publish(channel, payload);
        },
      });
    },
  },
  {
    name: "swaps two payloads of a channel",
    breaks: ["A3"],
    mutate: (adapter) => {
      const counts = new Map<string, number>();
      let held: (() => void) | undefined;
      return alter(adapter, {
        publish: (channel, payload) => {
          const count = (counts.get(channel) ?? 0) + 1;
          counts.set(channel, count);
          if (count === 45) held = () => adapter.publish(channel, payload);
          else adapter.publish(channel, payload);
          if (count !== 45) held = held?.() as undefined;
        },
      });
    },
  },
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
    name: "cuts payloads at 64 KiB",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          adapter.publish(channel, payload.slice(0, 65_536)),
      }),
  },
  {
    name: "counts the limit in characters, not in bytes",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) => {
          const bytes = new TextEncoder().encode(payload);
          const { maxPayloadBytes } = adapter.limits;
          if (bytes.length < maxPayloadBytes) adapter.publish(channel, payload);
        },
      }),
  },
  {
    name: "drops empty payloads",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          payload && adapter.publish(channel, payload),
      }),
  },
  {
    name: "splits at line ends",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, {
        publish: (channel, payload) =>
          adapter.publish(channel, payload.replaceAll("\r\n", "\n")),
      }),
  },
  {
    name: "parses what looks like JSON",
    breaks: ["A4"],
    mutate: (adapter) =>
      listening(adapter, (host) => ({
        message: (channel, payload) =>
          host.message(
            channel,
            /^\d+$/.test(payload) ? `${Number(payload)}` : payload,
          ),
      })),
  },
  {
    name: "takes channel names for patterns",
    breaks: ["A4"],
    mutate: (adapter) => {
      const plain = (channel: string) => channel.replace(/[*?]/g, "");
      return rename(adapter, plain);
    },
  },
  {
    name: "trims channel names",
    breaks: ["A4"],
    mutate: (adapter) => rename(adapter, (channel) => channel.trim()),
  },
  {
    name: "declares a limit that is too small",
    breaks: ["A4"],
    mutate: (adapter) =>
      alter(adapter, { limits: { maxPayloadBytes: 1_048_576 } }),
  },
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
    name: "is deaf after host.message threw",
    breaks: ["A6"],
    mutate: (adapter) => {
      let deaf = false;
      return listening(adapter, (host) => ({
        message: (channel, payload) => {
          if (deaf) return;
          deaf = true;
          host.message(channel, payload);
          deaf = false;
        },
      }));
    },
  },
  {
    name: "swallows what host.message throws",
    breaks: ["A6"],
    mutate: (adapter) => listening(adapter, () => ({ error: () => {} })),
  },
  {
    name: "says nothing of an outage",
    breaks: ["A5", "A7", "A8"], // the cases of A5 and A8 wait for it
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

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
