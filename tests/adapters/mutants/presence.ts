import type { Adapter } from "../../../src/seams/adapter.ts";
import type { PresenceStore } from "../../../src/seams/presence_store.ts";
import { alter, type Mutant } from "./alter.ts";

/** The adapter with some members of its registry replaced. */
function alterPresence(
  adapter: Adapter,
  members: (store: PresenceStore) => Partial<PresenceStore>,
): Adapter {
  const store = adapter.presence;
  if (!store) throw new Error("no presence");
  return alter(adapter, {
    presence: {
      write: (changes, ttlMs) => store.write(changes, ttlMs),
      renew: (ttlMs) => store.renew(ttlMs),
      clear: () => store.clear(),
      counts: (set) => store.counts(set),
      list: (set) => store.list(set),
      ...members(store),
    },
  });
}

/** Faults against P1 to P6. */
export const presence: readonly Mutant[] = [
  {
    name: "leaves a member in the sets that it left",
    breaks: ["P1"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        write: (changes, ttlMs) =>
          store.write(
            changes.map((it) =>
              it.text === undefined ? it : { ...it, left: [] }
            ),
            ttlMs,
          ),
      })),
  },
  {
    name: "registers later than it says",
    breaks: ["P1", "P2", "P3", "P4", "P6"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        write: (changes, ttlMs) => {
          setTimeout(() => store.write(changes, ttlMs).catch(() => {}), 20);
          return Promise.resolve();
        },
      })),
  },
  {
    name: "keeps the first text of a member",
    breaks: ["P1", "P2"],
    mutate: (adapter) => {
      const known = new Map<string, string>();
      return alterPresence(adapter, (store) => ({
        write: (changes, ttlMs) =>
          store.write(
            changes.map((it) => {
              if (it.text === undefined) return it;
              if (!known.has(it.id)) known.set(it.id, it.text);
              return { ...it, text: known.get(it.id) };
            }),
            ttlMs,
          ),
      }));
    },
  },
  {
    name: "never forgets a node that is silent",
    breaks: ["P3"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        write: (changes) => store.write(changes, 3_600_000),
      })),
  },
  {
    name: "forgets a node that renews",
    breaks: ["P3"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        renew: () => store.renew(1),
      })),
  },
  {
    name: "keeps who has gone",
    breaks: ["P1", "P4"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        write: (changes, ttlMs) =>
          store.write(changes.filter((it) => it.text !== undefined), ttlMs),
      })),
  },
  {
    name: "clears nothing",
    breaks: ["P4"],
    mutate: (adapter) =>
      alterPresence(adapter, (store) => ({
        clear: async () => void await store.counts(),
      })),
  },
  {
    name: "answers from memory while the broker is away",
    breaks: ["P6"],
    mutate: (adapter, state) =>
      alterPresence(adapter, (store) => ({
        counts: (set) =>
          state.down ? Promise.resolve(new Map()) : store.counts(set),
      })),
  },
];
