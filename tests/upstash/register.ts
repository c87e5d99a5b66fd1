import { describe, test } from "bun:test";
import { adapterSuite } from "../../src/testing/mod.ts";
import { Gate, PLACES, runCase, type Stand } from "./together.ts";
import { PATIENCE_MS } from "./upstash_subject.ts";

/** Registers the suite under bun:test. */
export function registerUpstashSuite(name: string, stand: Stand): void {
  const gate = new Gate(PLACES);
  describe(name, () => {
    for (const it of adapterSuite) {
      test.concurrent(
        `${it.promise}: ${it.name}`,
        () => gate.run(() => runCase(it, stand)),
        20 * PATIENCE_MS,
      );
    }
  });
}
