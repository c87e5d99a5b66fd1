// Runs the suite for the in-memory adapter on whatever runtime this is, without a test runner.
import { adapterSuite, skipReason } from "../../src/testing/mod.ts";
import { createMemorySubject } from "./memory_subject.ts";

const subject = createMemorySubject(2_000);
const failed: string[] = [];
let skipped = 0;
for (const it of adapterSuite) {
  if (skipReason(it, subject)) skipped++;
  else await it.run(subject).catch((error) => failed.push(`${error}`));
}
console.log(JSON.stringify({ cases: adapterSuite.length - skipped, failed }));
