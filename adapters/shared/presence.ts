/**
 * The presence store in a Redis, over TCP or HTTP.
 *
 * @module
 */
import type {
  PresenceChange,
  PresenceEntry,
  PresenceStore,
} from "../../src/seams/presence_store.ts";
import { CLEAR, COUNT, LIST, NODES, RENEW, WRITE } from "./presence_scripts.ts";
import { unavailable } from "./timing.ts";

/** Runs a script. Rejects with UNAVAILABLE when the script may not have run. */
export type RunScript = (
  script: string,
  keys: string[],
  args: string[],
) => Promise<unknown>;

/** The most members in one reply, roughly. */
const PAGE = 2_000;
/** The most members of one write: a larger script would hold up other clients of that Redis. */
const WRITE_AT_ONCE = 1_000;

/**
 * Creates the presence store.
 *
 * @param prefix The prefix of keys: the namespace, percent-encoded
 * @param nodeId Returns the id of the writing node
 * @param run Runs a script
 */
export function redisPresence(
  prefix: string,
  nodeId: () => string,
  run: RunScript,
): PresenceStore {
  const start = `{${prefix}@presence}`; // the braces make all keys one slot of a cluster
  const nodesKey = `${start}:nodes`;
  const keysOf = (node: string) => [
    `${start}:${node}:texts`,
    `${start}:${node}:lines`,
  ];
  // Over HTTP two requests in flight may overtake each other.
  let before: Promise<unknown> = Promise.resolve();
  const inOrder = (script: string, args: string[]): Promise<unknown> => {
    const keys = mine();
    const ran = before.then(() => run(script, keys, args));
    before = ran.catch(() => {}); // reported to the caller
    return ran;
  };
  const mine = () => [nodesKey, ...keysOf(nodeId())];
  const nodes = async (): Promise<string[]> =>
    asArray(await run(NODES, [nodesKey], []))
      .filter((it) => String(it).startsWith("s")).map(unmark);
  const keysOfAll = (all: readonly string[]) => [
    nodesKey,
    ...all.flatMap(keysOf),
  ];

  return {
    async write(changes, ttlMs) {
      const writes: Promise<unknown>[] = [];
      for (let at = 0; at < changes.length; at += WRITE_AT_ONCE) {
        const some = changes.slice(at, at + WRITE_AT_ONCE);
        const args = [`${ttlMs}`, mark(nodeId()), ...writeArgs(some)];
        writes.push(inOrder(WRITE, args));
      }
      await Promise.all(writes);
    },
    async renew(ttlMs) {
      return Number(await inOrder(RENEW, [`${ttlMs}`, mark(nodeId())]));
    },
    async clear() {
      await inOrder(CLEAR, [mark(nodeId())]);
    },
    async counts(set) {
      const all = await nodes();
      if (all.length === 0) return new Map();
      const range = set === undefined
        ? ["", ""]
        : [`[${lineStart(set)}`, lineEnd(set)];
      const args = [...range, ...all.map(mark)];
      const counts = asArray(await run(COUNT, keysOfAll(all), args));
      return new Map(all.map((node, at) => [node, Number(counts[at])]));
    },
    async list(set) {
      const found = new Map<string, PresenceEntry>();
      const first = set === undefined ? "0" : `[${lineStart(set)}`;
      let left = (await nodes()).map((node) => [node, first] as const);
      while (left.length > 0) {
        const all = left.map(([node]) => node);
        const page = Math.ceil(PAGE / all.length);
        const pages = asArray(
          await run(LIST, keysOfAll(all), [
            ...[`${page}`, set === undefined ? "" : lineEnd(set)],
            ...all.map(mark),
            ...left.map(([, from]) => from),
          ]),
        );
        left = all.flatMap((node, at) => {
          const [goOn, texts] = asArray(pages[at]);
          const flat = asArray(texts).map(unmark);
          for (let i = 0; i < flat.length; i += 2) {
            const [id = "", text = ""] = flat.slice(i, i + 2);
            // HSCAN can return an entry twice.
            found.set(`${node} ${id}`, { nodeId: node, id, text });
          }
          return goOn === "" ? [] : [[node, String(goOn)] as const];
        });
      }
      return [...found.values()];
    },
  };
}

function writeArgs(changes: readonly PresenceChange[]): string[] {
  const [left, gone, texts, lines]: string[][] = [[], [], [], []] as const;
  for (const { id, text, sets, left: leaves } of changes) {
    const member = mark(id);
    for (const set of leaves) left.push(lineStart(set) + member);
    if (text === undefined) gone.push(member);
    else {
      texts.push(member, mark(text));
      for (const set of sets) lines.push("0", lineStart(set) + member);
    }
  }
  return [left, gone, texts, lines].flatMap((it) => [`${it.length}`, ...it]);
}

// A letter before each, since Upstash clients parse values that look like JSON.
function mark(text: string): string {
  return `s${text}`;
}

function unmark(text: unknown): string {
  return String(text).slice(1);
}

// A set's name is encoded and has no space; the member follows the space.
function lineStart(set: string): string {
  return `${encodeURIComponent(set)} `;
}

function lineEnd(set: string): string {
  return `(${encodeURIComponent(set)}!`; // the character after the space
}

function asArray(reply: unknown): unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unavailable(
    "The presence store returned a reply of an unexpected shape",
  );
}
