// Runs `bun test` and counts by its report, so that a crash is never a pass.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, run } from "./run.mjs";

const skippedTest = /<testcase name="([^"]*)"[^>]*>\s*<skipped/g;

/** Runs the test files in `folder`; resolves to counts and output. */
export async function bunTest(folder) {
  const temporary = mkdtempSync(join(tmpdir(), "bun-test-"));
  const report = join(temporary, "report.xml");
  try {
    const { ok, output } = await run(
      bun,
      [
        ...["test", folder, "--only-failures"],
        ...["--reporter=junit", `--reporter-outfile=${report}`],
      ],
      { timeoutMs: 480_000 },
    );
    return count(ok, read(report), output);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function read(report) {
  try {
    return readFileSync(report, "utf8");
  } catch {
    return "";
  }
}

function count(ok, report, output) {
  const summary = report.match(/<testsuites [^>]*>/)?.[0] ?? "";
  const number = (name) =>
    Number(summary.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0);
  const [tests, skipped] = [number("tests"), number("skipped")];
  for (const [, name] of report.matchAll(skippedTest)) {
    output += `(skip) ${name}\n`;
  }
  let failed = number("failures");
  if (tests === 0) {
    failed = 1;
    output += "bun test reported no test: it found none, or it ended early\n";
  }
  // An error outside of a test, such as an import that fails, is not in there.
  if (!ok && failed === 0) failed = 1;
  const passed = Math.max(0, tests - skipped - number("failures"));
  return { passed, failed, skipped, output };
}
