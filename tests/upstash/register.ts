import { describe, test } from "bun:test";
import type { AdapterCase } from "../../src/testing/mod.ts";
import { upstashSuite } from "./upstash_suite.ts";
import { Gate, PLACES, runCase, type Stand } from "./together.ts";
import { PATIENCE_MS } from "./upstash_subject.ts";

/** Registers the suite under bun:test. */
export function registerUpstashSuite(
  name: string,
  stand: Stand,
  cases: readonly AdapterCase[] = upstashSuite,
): void {
  const gate = new Gate(PLACES);
  describe(name, () => {
    for (const it of cases) {
      test.concurrent(
        `${it.promise}: ${it.name}`,
        () => gate.run(() => runCase(it, stand)),
        20 * PATIENCE_MS,
      );
    }
  });
}
