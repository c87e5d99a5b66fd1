/**
 * Cases about P1 to P6: the registry of who is connected.
 *
 * @module
 */
import type {
  PresenceChange,
  PresenceStore,
} from "../../seams/presence_store.ts";
import type { AdapterCase } from "../adapter_subject.ts";
import {
  assert,
  assertRejects,
  assertSame as assertInOrder,
  pause,
  within,
} from "../assert.ts";
import { defineCase, type Stage, type StageNode } from "../stage.ts";

/** Long enough for a slow machine; nothing waits for it. */
const LONG_MS = 600_000;

/** The cases. */
export const presence: readonly AdapterCase[] = [
  defineCase(
    "P1",
    "what a write resolved for, every node reads: counts, members, sets and texts",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      await write(stage, a, came("1", "one", "lobby", "ada"), came("2", "two"));
      await write(stage, b, came("1", "three", "lobby"));
      for (const node of [a, b]) {
        const read = reader(stage, node);
        assertSame(await read.counts(), [`${at(a)} 2`, `${at(b)} 1`], "counts");
        assertSame(
          await read.counts("lobby"),
          [`${at(a)} 1`, `${at(b)} 1`],
          "counts of a set",
        );
        assertSame(
          await read.list(),
          [`${at(a)}.1 one`, `${at(a)}.2 two`, `${at(b)}.1 three`],
          "all members",
        );
        assertSame(await read.list("ada"), [`${at(a)}.1 one`], "a set");
        assertSame(await read.list("nobody"), [], "a set that is empty");
      }
      await write(stage, a, came("2", "two", "room x", "room y"));
      await write(stage, a, came("2", "two", "-room x"));
      const read = reader(stage, b);
      assertSame(await read.list("room x"), [], "a set that was left");
      assertSame(
        await read.list("room y"),
        [`${at(a)}.2 two`],
        "one that was not",
      );
    },
    "presence",
  ),
  defineCase(
    "P1",
    "writes of one node take effect in order, without awaiting",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      const store = storeOf(a);
      const writes: Promise<void>[] = [];
      for (let n = 0; n < 50; n++) {
        writes.push(store.write([came("x", `${n}`, `room ${n}`)], LONG_MS));
        writes.push(
          store.write([came("x", `${n}`, "last", `-room ${n}`)], LONG_MS),
        );
        if (n % 5 === 4) writes.push(store.write([went("x", "last")], LONG_MS));
      }
      writes.push(store.write([came("x", "end", "end")], LONG_MS));
      await within(Promise.all(writes), stage.patienceMs, "all writes");
      const read = reader(stage, b);
      assertSame(await read.list(), [`${at(a)}.x end`], "who is there");
      assertSame(await read.list("room 48"), [], "a set that was left");
      assertSame(await read.list("last"), [], "a set of one that went");
      assertSame(await read.list("end"), [`${at(a)}.x end`], "the last set");
    },
    "presence",
  ),
  defineCase(
    "P1",
    "many members of one turn are all there, and a set of many is listed whole",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      const ids = Array.from({ length: 2_500 }, (_, n) => `m${n}`);
      await write(stage, a, ...ids.map((id) => came(id, id, "all", id)));
      const read = reader(stage, b);
      const all = ids.map((id) => `${at(a)}.${id} ${id}`);
      assertSame(await read.counts(), [`${at(a)} 2500`], "counts");
      assertSame(await read.list("all"), all, "the set");
      assertSame(await read.list(), all, "all members");
      assertSame(await read.list("m7"), [`${at(a)}.m7 m7`], "a set of one");
      await write(stage, a, ...ids.slice(1).map((id) => went(id, "all", id)));
      assertSame(await read.list("all"), [`${at(a)}.m0 m0`], "who is left");
    },
    "presence",
  ),
  defineCase(
    "P1",
    "ids, sets and texts of any characters come back as they are",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      const odd = [
        ...["1e3", "null", '{"a":1}', "[1]", '"', "a b", "a!", "%20"],
        ...["é漢🙂", "x:y", "{x}", "a\0b", "a\r\nb", " ", "true", "-0"],
      ];
      await write(stage, a, ...odd.map((it) => came(it, it, it)));
      const read = reader(stage, b);
      assertSame(
        await read.list(),
        odd.map((it) => `${at(a)}.${it} ${it}`),
        "who is there",
      );
      for (const it of odd) {
        assertSame(await read.list(it), [`${at(a)}.${it} ${it}`], "a set");
      }
    },
    "presence",
  ),
  defineCase(
    "P2",
    "a write that is done again changes nothing, and a new text stands for the old one",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      for (let times = 0; times < 3; times++) {
        await write(stage, a, came("1", "one", "lobby"), went("2", "lobby"));
      }
      await write(stage, a, came("1", "new"));
      const read = reader(stage, b);
      assertSame(await read.list(), [`${at(a)}.1 new`], "who is there");
      assertSame(await read.list("lobby"), [`${at(a)}.1 new`], "the set");
      assertSame(await read.counts("lobby"), [`${at(a)} 1`], "its count");
    },
    "presence",
  ),
  defineCase(
    "P3",
    "a node that neither writes nor renews is gone after its time, and one that renews is not",
    async (stage) => {
      const [crashed, alive, reading] = await stage.nodes(3);
      const ttlMs = Math.min(1_000, stage.patienceMs / 2);
      await writeFor(stage, crashed, ttlMs, came("1", "one", "lobby"));
      await writeFor(stage, alive, ttlMs, came("2", "two", "lobby"));
      const read = reader(stage, reading);
      const end = Date.now() + stage.patienceMs + 2 * ttlMs;
      let renewedAt = Date.now();
      for (let left = ""; left !== `${at(alive)}.2 two`;) {
        assert(Date.now() < end, `${left} are there, must be ${at(alive)}.2`);
        const now = Date.now();
        const renewing = storeOf(alive).renew(ttlMs);
        if (await within(renewing, stage.patienceMs, "renew") === 0) {
          // On a machine that stood still for longer it is gone as well.
          const waited = Date.now() - renewedAt;
          assert(waited > ttlMs, `it is gone after ${waited} ms`);
          await writeFor(stage, alive, ttlMs, came("2", "two", "lobby"));
        }
        renewedAt = now;
        await pause(ttlMs / 10);
        left = (await read.list("lobby")).join();
      }
      assertSame(await read.counts(), [`${at(alive)} 1`], "counts");
      const renewed = await storeOf(crashed).renew(ttlMs);
      assert(renewed === 0, `renew of what is gone gave ${renewed}`);
      await write(stage, crashed, came("1", "one", "lobby"));
      assert((await read.list("lobby")).length > 0, "it is not there again");
    },
    "presence",
  ),
  defineCase(
    "P4",
    "the last member that goes takes its node along, and clear all of it",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      await write(stage, a, came("1", "one", "lobby", "ada"));
      await write(stage, b, came("1", "one", "lobby"), came("2", "two"));
      await write(stage, a, went("1", "lobby", "ada"));
      const read = reader(stage, b);
      assertSame(await read.counts(), [`${at(b)} 2`], "counts");
      await within(storeOf(b).clear(), stage.patienceMs, "clear");
      for (const node of [a, b]) {
        assertSame(await reader(stage, node).counts(), [], "counts at the end");
        assertSame(await reader(stage, node).list("lobby"), [], "a set");
      }
      const renewed = await storeOf(b).renew(LONG_MS);
      assert(renewed === 0, `renew of nothing gave ${renewed}`);
    },
    "presence",
  ),
  defineCase(
    "P4",
    "200 that come and go fast leave nobody",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      const store = storeOf(a);
      const writes = Array.from({ length: 200 }, (_, n) => [
        store.write([came(`${n}`, "x", "lobby", `user ${n}`)], LONG_MS),
        store.write([went(`${n}`, "lobby", `user ${n}`)], LONG_MS),
      ]);
      await within(Promise.all(writes.flat()), 2 * stage.patienceMs, "writes");
      assertSame(await reader(stage, b).counts(), [], "counts");
      assertSame(await reader(stage, b).list("lobby"), [], "a set");
    },
    "presence",
  ),
  defineCase(
    "P6",
    "while the broker is away every call rejects, and what is written again afterwards is there",
    async (stage) => {
      const [a, b] = await stage.nodes(2);
      await stage.tune("c", a, b);
      await stage.tune("c", b, a);
      await write(stage, a, came("1", "one", "lobby"));
      await stage.begin(a, b);
      for (
        const [name, call] of Object.entries({
          write: () => storeOf(a).write([came("2", "two")], LONG_MS),
          renew: () => storeOf(a).renew(LONG_MS),
          clear: () => storeOf(a).clear(),
          counts: () => storeOf(b).counts(),
          list: () => storeOf(b).list("lobby"),
        })
      ) {
        await assertRejects(call(), "UNAVAILABLE", stage.patienceMs, name);
      }
      await stage.end(a, b);
      await write(stage, a, came("1", "one", "lobby"), came("2", "two"));
      const read = reader(stage, b);
      assertSame(
        await read.list(),
        [`${at(a)}.1 one`, `${at(a)}.2 two`],
        "who is there",
      );
      assertSame(await read.list("lobby"), [`${at(a)}.1 one`], "the set");
    },
    "presence",
    "outage",
  ),
  defineCase(
    "A9",
    "two namespaces have registries of their own",
    async (stage) => {
      const [here, there] = [await stage.node("-x"), await stage.node("-xy")];
      await write(stage, here, came("1", "one", "lobby"));
      assertSame(await reader(stage, there).counts(), [], "counts there");
      assertSame(await reader(stage, there).list("lobby"), [], "a set there");
    },
    "presence",
  ),
];

/** A member that is there, in sets, and left those whose name starts with a hyphen. */
function came(id: string, text: string, ...sets: string[]): PresenceChange {
  const isLeft = (set: string) => /^-room/.test(set);
  return {
    id,
    text,
    sets: sets.filter((set) => !isLeft(set)),
    left: sets.filter(isLeft).map((set) => set.slice(1)),
  };
}

function went(id: string, ...left: string[]): PresenceChange {
  return { id, text: undefined, sets: [], left };
}

function assertSame(
  actual: readonly string[],
  expected: readonly string[],
  what: string,
): void {
  assertInOrder([...actual].sort(), [...expected].sort(), what);
}

function at(node: StageNode): string {
  return node.host.nodeId;
}

function storeOf({ adapter }: StageNode): PresenceStore {
  assert(adapter.presence !== undefined, "the adapter has no presence");
  return adapter.presence;
}

/** Writes in time. */
async function write(
  stage: Stage,
  node: StageNode,
  ...changes: PresenceChange[]
): Promise<void> {
  await writeFor(stage, node, LONG_MS, ...changes);
}

async function writeFor(
  stage: Stage,
  node: StageNode,
  ttlMs: number,
  ...changes: PresenceChange[]
): Promise<void> {
  const written = storeOf(node).write(changes, ttlMs);
  await within(written, stage.patienceMs, "write");
}

/** What a node reads, as texts. */
function reader(stage: Stage, node: StageNode) {
  return {
    async counts(set?: string): Promise<string[]> {
      const counted = storeOf(node).counts(set);
      const counts = await within(counted, stage.patienceMs, "counts");
      return [...counts].filter(([, count]) => count > 0)
        .map(([nodeId, count]) => `${nodeId} ${count}`);
    },
    async list(set?: string): Promise<string[]> {
      const listed = storeOf(node).list(set);
      const entries = await within(listed, stage.patienceMs, "list");
      return entries.map(({ nodeId, id, text }) => `${nodeId}.${id} ${text}`);
    },
  };
}
