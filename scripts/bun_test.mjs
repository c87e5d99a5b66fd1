// Runs `bun test` and counts by its report, so that a crash is never a pass.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { leftBehind } from "./left_behind.mjs";
import { bun, root, run } from "./run.mjs";

// Real processes, brokers and browsers share the machine with whatever else it
// does. Up to three files that fail run once more, alone, to tell a test that
// always fails from one that fails now and then; both fail the run. Only what
// is listed in tests/flaky.json, with a reason and a date, may pass this way.
const maxFilesAgain = 3;

// Most files wait for processes and brokers: four share two cores well.
const workers = 4;

// The duration of each file, so that the longest start first.
const timings = join(root, "tests", "timings.json");

// Whether this run measures them.
const measured = process.env.UPDATE_TIMINGS !== undefined;

// A test that has no limit of its own: the first of a file may wait for the
// start of a process while four files start theirs.
const timeoutMs = 20_000;

const failedFile =
  /^ {2}<testsuite name="[^"]*" file="([^"]*)".* failures="[1-9]/gm;
const failedTest = /<testcase name="([^"]*)"[^>]*>\s*<failure/g;
const skippedTest = /<testcase name="([^"]*)"[^>]*>\s*<skipped/g;

/**
 * Runs the test files that `filters` match; resolves to counts, the output, and
 * notes that are to be read even when all passed.
 */
export async function bunTest(filters, { env = {} } = {}) {
  const first = await runFiles(filters, env);
  for (const line of await leftBehind()) {
    first.failed++;
    first.output += `left behind by the run: ${line}\n`;
  }
  const files = [...first.report.matchAll(failedFile)].map(([, file]) => file);
  if (files.length === 0 || files.length > maxFilesAgain) return first;

  const second = await runFiles(files, env);
  if (second.failed > 0) {
    first.output += `\nonce more, alone:\n${second.output}`;
    return first;
  }
  const flaky = [...first.report.matchAll(failedTest)]
    .map(([, name]) => unescaped(name));
  const listed = JSON.parse(
    readFileSync(join(root, "tests", "flaky.json"), "utf8"),
  );
  const unlisted = flaky.filter((name) =>
    !listed.some((it) => it.test === name)
  );
  const notes = flaky.map((name) => {
    const known = listed.find((it) => it.test === name);
    return `flaky: "${name}" failed, and passed when its file ran alone: ` +
      (known
        ? `listed since ${known.since}, ${known.reason}\n`
        : "not listed in tests/flaky.json\n");
  }).join("");
  const forgiven = flaky.length - unlisted.length;
  return {
    ...first,
    passed: first.passed + forgiven,
    failed: first.failed - forgiven,
    notes: notes + first.output,
    output: notes + first.output,
  };
}

function unescaped(text) {
  const characters = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, it) => characters[it])
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

async function runFiles(paths, env) {
  const temporary = mkdtempSync(join(tmpdir(), "bun-test-"));
  const report = join(temporary, "report.xml");
  try {
    const { ok, output } = await run(
      bun,
      [
        ...["test", ...paths, "--only-failures", `--parallel=${workers}`],
        `--timeout=${timeoutMs}`,
        ...(existsSync(timings) || measured ? [`--timings=${timings}`] : []),
        ...(measured ? ["--update-timings"] : []),
        ...["--reporter=junit", `--reporter-outfile=${report}`],
      ],
      { timeoutMs: 3_600_000, env },
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
