/**
 * The presence store in memory.
 *
 * @module
 */
import type {
  PresenceChange,
  PresenceEntry,
  PresenceStore,
} from "../../src/seams/presence_store.ts";
import { unavailable } from "../shared/timing.ts";

/** The members that one node wrote. */
interface Registered {
  readonly members: Map<
    string,
    { readonly text: string; readonly sets: Set<string> }
  >;
  /** When they expire, by `performance.now`. */
  goneAt: number;
}

/** The members of all nodes of a bus. */
export type Registry = Map<string, Registered>;

/**
 * Creates one node's access to the store.
 *
 * @param registry Shared by the nodes
 * @param nodeId Returns the node's id; `undefined` while there is none
 * @param up Tells whether the bus is up
 */
export function memoryPresence(
  registry: Registry,
  nodeId: () => string | undefined,
  up: () => boolean,
): PresenceStore {
  const reach = (): string => {
    const node = nodeId();
    if (node !== undefined && up()) return node;
    throw unavailable(
      "Cannot use the presence store: the bus is down, or the adapter is not open",
    );
  };
  const living = (): [string, Registered][] => {
    const now = performance.now();
    for (const [node, { goneAt, members }] of [...registry]) {
      if (members.size === 0 || goneAt <= now) registry.delete(node);
    }
    return [...registry];
  };
  // Asynchronous, so that errors are rejections.
  return {
    async write(changes, ttlMs) {
      const node = reach();
      living();
      const mine = registry.get(node) ?? { members: new Map(), goneAt: 0 };
      registry.set(node, mine);
      for (const change of changes) apply(mine, change);
      mine.goneAt = performance.now() + ttlMs;
      await Promise.resolve();
    },
    async renew(ttlMs) {
      const node = reach();
      living();
      const mine = registry.get(node);
      if (mine) mine.goneAt = performance.now() + ttlMs;
      return await Promise.resolve(mine?.members.size ?? 0);
    },
    async clear() {
      registry.delete(reach());
      await Promise.resolve();
    },
    async counts(set) {
      reach();
      const counts = living().map(([node, { members }]) =>
        [node, [...within(members, set)].length] as const
      );
      return await Promise.resolve(new Map(counts));
    },
    async list(set) {
      reach();
      const entries = living().flatMap(([node, { members }]) =>
        [...within(members, set)].map(([id, { text }]): PresenceEntry => ({
          nodeId: node,
          id,
          text,
        }))
      );
      return await Promise.resolve(entries);
    },
  };
}

function apply(
  { members }: Registered,
  { id, text, sets, left }: PresenceChange,
): void {
  if (text === undefined) return void members.delete(id);
  const all = new Set([...members.get(id)?.sets ?? [], ...sets]);
  for (const set of left) all.delete(set);
  members.set(id, { text, sets: all });
}

function* within(members: Registered["members"], set: string | undefined) {
  for (const member of members) {
    if (set === undefined || member[1].sets.has(set)) yield member;
  }
}
