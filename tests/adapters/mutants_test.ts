import { expect, test } from "bun:test";
import type { Adapter } from "../../src/seams/adapter.ts";
import {
  type AdapterSubject,
  adapterSuite,
  skipReason,
} from "../../src/testing/mod.ts";
import { createMemorySubject } from "./memory_subject.ts";
import { alter, type Mutant } from "./mutants/alter.ts";
import { carrying } from "./mutants/carrying.ts";
import { ending } from "./mutants/ending.ts";
import { failing } from "./mutants/failing.ts";
import { log } from "./mutants/log.ts";
import { presence } from "./mutants/presence.ts";
import { subscribing } from "./mutants/subscribing.ts";

// What never comes costs this much; what comes in memory comes at once.
const PATIENCE_MS = 200;

test(
  "the reference passes every case, with the patience that mutants get",
  async () => {
    expect(await failures(createMemorySubject(PATIENCE_MS))).toEqual([]);
  },
  60_000,
);

for (
  const mutant of [
    ...subscribing,
    ...carrying,
    ...failing,
    ...ending,
    ...presence,
    ...log,
  ]
) {
  test(
    `a mutant that ${mutant.name} fails the cases of ${
      mutant.breaks.join(", ")
    }${log.includes(mutant) ? "" : " and no other"}`,
    async () => {
      // A fault of subscriptions is one of logs too, and costs patience in each case: logs are looked at for their own.
      const ofLogs = log.includes(mutant);
      const found = await failures(
        createMutantSubject(mutant),
        adapterSuite.filter((it) => ofLogs === it.promise.startsWith("L")),
      );
      const promises = new Set<string>(found.map(({ promise }) => promise));
      if (ofLogs) { // these build on each other: which of the others fail too says nothing
        expect(mutant.breaks.filter((it) => !promises.has(it))).toEqual([]);
        return;
      }
      expect([...promises].toSorted(), JSON.stringify(found, null, 2))
        .toEqual([...mutant.breaks].toSorted());
    },
    60_000,
  );
}

async function failures(subject: AdapterSubject, of = adapterSuite) {
  const found: { promise: string; name: string; why: string }[] = [];
  for (const it of of) {
    if (skipReason(it, subject)) continue;
    try {
      await it.run(subject);
    } catch (error) {
      found.push({ promise: it.promise, name: it.name, why: `${error}` });
    }
  }
  return found;
}

function createMutantSubject(mutant: Mutant): AdapterSubject {
  const reference = createMemorySubject(PATIENCE_MS);
  let down = false;
  return {
    patienceMs: PATIENCE_MS,
    presence: true,
    log: true,
    flush: () => reference.flush?.(),
    async create({ namespace }) {
      const adapter = await reference.create({
        namespace: mutant.namespace?.(namespace) ?? namespace,
      });
      const state = {
        namespace,
        closed: false,
        get down() {
          return down;
        },
      };
      const mutated: Adapter = mutant.mutate(adapter, state);
      return alter(mutated, {
        close: () => {
          state.closed = true;
          return mutated.close();
        },
      });
    },
    outage: {
      begin: () => {
        down = true;
        return reference.outage.begin();
      },
      end: () => {
        down = false;
        return reference.outage.end();
      },
    },
  };
}
