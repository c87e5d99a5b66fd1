import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adapterSuite, skipReason } from "../../src/testing/mod.ts";
import { createMemorySubject } from "./memory_subject.ts";

const deno = fileURLToPath(
  new URL("../../node_modules/deno/deno", import.meta.url),
);
const subject = createMemorySubject(2_000);
const program = fileURLToPath(new URL("./suite_program.ts", import.meta.url));

for (const [runtime, ...command] of [["Deno", deno, "run"], ["Node", "node"]]) {
  test(`the suite needs no test runner: it runs on ${runtime}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "adapter-suite-"));
    try {
      const built = await Bun.build({
        entrypoints: [program],
        outdir: folder,
        target: "browser", // web standards only
        naming: "suite.mjs",
      });
      expect(built.success).toBe(true);
      const child = Bun.spawn([...command, join(folder, "suite.mjs")], {
        stdout: "pipe",
        stderr: "inherit",
      });
      const output = await new Response(child.stdout).text();
      expect(JSON.parse(output)).toEqual({
        cases: adapterSuite.filter((it) => !skipReason(it, subject)).length,
        failed: [],
      });
      expect(await child.exited).toBe(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
}

test("every promise has cases, and every name is unique", () => {
  const promises = new Set(adapterSuite.map(({ promise }) => promise));
  expect([...promises].toSorted()).toEqual(
    [
      "A1",
      "A10",
      "A2",
      "A3",
      "A4",
      "A5",
      "A6",
      "A7",
      "A8",
      "A9",
      "L1",
      "L10",
      "L2",
      "L3",
      "L4",
      "L5",
      "L6",
      "L7",
      "L8",
      "L9",
      "P1",
      "P2",
      "P3",
      "P4",
      "P6",
      "open",
    ],
  );
  const names = adapterSuite.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("cases that need an outage are skipped with a reason where none is declared, and no others", () => {
  const { outage: _, ...subject } = createMemorySubject(1_000);
  for (const it of adapterSuite) {
    // A bus in memory cannot be restored from an older state, and has no replies to lose.
    const missing = it.needs?.filter((need) =>
      ["outage", "rollback", "lostReplies"].includes(need)
    );
    expect(skipReason(it, subject)).toBe(
      missing?.length
        ? `the subject declares no ${missing.join(", no ")}`
        : undefined,
    );
  }
});
