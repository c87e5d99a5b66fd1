import type { Adapter } from "../../../src/seams/adapter.ts";
import type { LogStore } from "../../../src/seams/log.ts";
import { alter, listening, type Mutant } from "./alter.ts";

/** The adapter with some members of its log replaced. */
function alterLog(
  adapter: Adapter,
  members: (store: LogStore) => Partial<LogStore>,
): Adapter {
  const store = adapter.log;
  if (!store) throw new Error("no log");
  return alter(adapter, {
    log: {
      append: (channel, payload, options) =>
        store.append(channel, payload, options),
      read: (channel, after, limit) => store.read(channel, after, limit),
      ...members(store),
    },
  });
}

/** Faults against L1 to L10. */
export const log: readonly Mutant[] = [
  {
    name: "stores each message twice, as a retry that does not look",
    breaks: ["L1", "L3", "L4", "L5", "L6", "L8"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: (channel, payload, options) => {
          void store.append(channel, payload, options);
          return store.append(channel, payload, options);
        },
      })),
  },
  {
    name: "appends the messages of one turn in another order",
    breaks: ["L1"],
    mutate: (adapter) => {
      let held: (() => void)[] = [];
      return alterLog(adapter, (store) => ({
        append: (...given) =>
          new Promise((resolve) => {
            if (held.length === 0) {
              queueMicrotask(() => {
                const all = held.reverse();
                held = [];
                for (const act of all) act();
              });
            }
            held.push(() => resolve(store.append(...given)));
          }),
      }));
    },
  },
  {
    name: "loses every tenth push",
    breaks: ["L2"],
    mutate: (adapter) => {
      let count = 0;
      return listening(adapter, (host) => ({
        appended: (channel, entries) => {
          if (++count % 10) host.appended(channel, entries);
        },
      }));
    },
  },
  {
    name: "reads without looking for the position",
    breaks: ["L4"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        read: async (channel, after, limit) => {
          const read = await store.read(channel, after, limit);
          if (read.whole) return read;
          const { entries } = await store.read(channel, undefined, limit);
          return { ...read, entries, whole: true };
        },
      })),
  },
  {
    name: "keeps one message less than it is told",
    breaks: ["L4"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: (channel, payload, options) =>
          store.append(channel, payload, {
            ...options,
            last: Math.max(1, options.last - 1),
          }),
      })),
  },
  {
    name: "gives a page without its last message, as one that is whole",
    breaks: ["L4"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        read: async (channel, after, limit) => {
          const read = await store.read(channel, after, limit);
          return { ...read, entries: read.entries.slice(0, -1) };
        },
      })),
  },
  {
    name: "keeps messages longer than it is told",
    breaks: ["L4"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: (channel, payload, options) =>
          store.append(channel, payload, { ...options, forMs: 600_000 }),
      })),
  },
  {
    name: "keeps everything",
    breaks: ["L4", "L10"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: (channel, payload, options) =>
          store.append(channel, payload, { ...options, last: 10_000 }),
      })),
  },
  {
    name: "knows no ids",
    breaks: ["L6"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: (channel, payload, { last, forMs }) =>
          store.append(channel, payload, { last, forMs }),
      })),
  },
  {
    name: "takes an id for one of all logs",
    breaks: ["L6"],
    mutate: (adapter) => {
      const ids = new Map<string, ReturnType<LogStore["append"]>>();
      return alterLog(adapter, (store) => ({
        append: (channel, payload, options) => {
          const known = ids.get(options.id ?? "");
          if (options.id !== undefined && known) {
            return known.then((it) =>
              it.kept === true ? { ...it, repeated: true } : it
            );
          }
          const appended = store.append(channel, payload, options);
          if (options.id !== undefined) ids.set(options.id, appended);
          return appended;
        },
      }));
    },
  },
  {
    name: "rejects during an outage",
    breaks: ["L5", "L7"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: async (...given) => {
          const appended = await store.append(...given);
          if (appended.kept !== true) throw appended.cause;
          return appended;
        },
      })),
  },
  {
    name: "says during an outage that it kept what it did not",
    breaks: ["L5", "L7"],
    mutate: (adapter) =>
      alterLog(adapter, (store) => ({
        append: async (...given) => {
          const appended = await store.append(...given);
          if (appended.kept === true) return appended;
          const { head } = await store.read(given[0], undefined, 1)
            .catch(() => ({ head: "a.000000000001.a" }));
          return { kept: true, position: head, repeated: false };
        },
      })),
  },
  {
    name: "forgets that a message was not kept",
    breaks: ["L5"],
    mutate: (adapter, state) =>
      alterLog(adapter, (store) => ({
        append: async (...given) =>
          state.down
            ? { kept: false, cause: new Error("The broker is away") }
            : await store.append(...given),
      })),
  },
  {
    name: "does not say after an outage that pushes may be missing",
    breaks: ["L5"],
    mutate: (adapter) => listening(adapter, () => ({ lost: () => {} })),
  },
  {
    name: "pushes payloads without their line feeds",
    breaks: ["L8"],
    mutate: (adapter) =>
      listening(adapter, (host) => ({
        appended: (channel, entries) =>
          host.appended(
            channel,
            entries.map((it) => ({
              ...it,
              payload: it.payload.replaceAll("\n", ""),
            })),
          ),
      })),
  },
];
