import { describe, test } from "bun:test";
import {
  type AdapterSubject,
  adapterSuite,
  skipReason,
} from "../../src/testing/mod.ts";

/** Registers the suite for one adapter under bun:test: the cases whose needs its subject declares. */
export function registerAdapterSuite(
  name: string,
  subject: AdapterSubject,
): void {
  describe(name, () => {
    for (const it of adapterSuite) {
      const title = `${it.promise}: ${it.name}`;
      if (skipReason(it, subject) !== undefined) continue;
      test(title, () => it.run(subject), 20 * subject.patienceMs);
    }
  });
}
