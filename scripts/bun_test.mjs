// Runs `bun test` and counts by its report, so that a crash is never a pass.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, run } from "./run.mjs";

// Real processes, brokers and browsers share the machine with whatever else it
// does. A few files that fail are asked again, alone; more is no accident.
const maxFilesAgain = 3;

const failedFile =
  /^ {2}<testsuite name="[^"]*" file="([^"]*)".* failures="[1-9]/gm;
const failedTest = /<testcase name="([^"]*)"[^>]*>\s*<failure/g;
const skippedTest = /<testcase name="([^"]*)"[^>]*>\s*<skipped/g;

/**
 * Runs the test files in `folder`; resolves to counts, the output, and notes
 * that are to be read even when all passed.
 */
export async function bunTest(folder) {
  const first = await runFiles([folder]);
  const files = [...first.report.matchAll(failedFile)].map(([, file]) => file);
  if (files.length === 0 || files.length > maxFilesAgain) return first;

  const second = await runFiles(files);
  if (second.failed > 0) {
    first.output += `\nonce more, alone:\n${second.output}`;
    return first;
  }
  const flaky = [...first.report.matchAll(failedTest)].map(([, name]) => name);
  return {
    ...first,
    passed: first.passed + first.failed,
    failed: 0,
    notes:
      flaky.map((name) =>
        `flaky: "${name}" failed, and passed when its file ran alone: a defect\n`
      ).join("") + first.output,
  };
}

async function runFiles(paths) {
  const temporary = mkdtempSync(join(tmpdir(), "bun-test-"));
  const report = join(temporary, "report.xml");
  try {
    const { ok, output } = await run(
      bun,
      [
        ...["test", ...paths, "--only-failures"],
        ...["--reporter=junit", `--reporter-outfile=${report}`],
      ],
      { timeoutMs: 1_500_000 },
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
  return { passed, failed, skipped, output, report };
}
