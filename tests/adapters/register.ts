import { describe, test } from "bun:test";
import {
  type AdapterSubject,
  adapterSuite,
  skipReason,
} from "../../src/testing/mod.ts";

/** Registers the whole suite for one adapter under bun:test. */
export function registerAdapterSuite(
  name: string,
  subject: AdapterSubject,
): void {
  describe(name, () => {
    for (const it of adapterSuite) {
      const title = `${it.promise}: ${it.name}`;
      const reason = skipReason(it, subject);
      if (reason) test.skip(`${title} (${reason})`, () => {});
      else test(title, () => it.run(subject), 20 * subject.patienceMs);
    }
  });
}
