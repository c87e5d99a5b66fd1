// `npm test [-- step…]`: installs what is missing, runs the steps, counts.
// `--list` names them. `fast` stands for the steps that take a minute in all,
// `full` for all of them with those that take an hour.
import process from "node:process";
import { ensureNpmPackages } from "./npm_packages.mjs";
import { run } from "./run.mjs";
import { ensureSystemPrograms } from "./system_programs.mjs";

// Where everything can be had, a skipped test is one that nobody runs.
const skippedIsFailed = process.platform === "linux" || process.env.CI;

// Of a failed step's output; the end of it tells most.
const maxLines = 300;

const options = process.argv.slice(2).filter((name) => name !== "--");
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function main() {
  const { steps } = await import("./steps.mjs");
  if (options.includes("--list")) {
    for (const { name } of steps) console.log(name);
    return 0;
  }
  const groups = ["fast", "full"];
  const unknown = options.filter((name) =>
    !groups.includes(name) && !steps.some((step) => step.name === name)
  );
  if (unknown.length > 0) {
    throw new Error(`Cannot run ${unknown.join(", ")}: see npm test -- --list`);
  }
  const asked = ({ name, fast, full }) =>
    options.includes(name) || options.includes("full") ||
    options.includes("fast") && fast ||
    options.length === 0 && !full && name !== "core"; // "unit" includes it
  const chosen = steps.filter(asked);
  await ensureNpmPackages();
  if (chosen.some(({ run, name }) => run && name !== "core")) {
    await ensureSystemPrograms();
  }

  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const step of chosen) {
    const counts = await runStep(step);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed > 0 ? 1 : 0;
}

async function runStep(step) {
  const start = performance.now();
  const result = await (step.run ?? (() => runCommands(step)))();
  if (skippedIsFailed && result.skipped > 0) {
    result.output += `${result.skipped} skipped: on this system all must run\n`;
    result.failed += result.skipped;
    result.skipped = 0;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const tests = step.run ? `, ${result.passed} passed` : "";
  const mark = result.failed > 0 ? "✗" : "✓";
  console.log(`${mark} ${step.name} ${seconds} s${tests}`);
  if (result.failed > 0) console.log(indent(result.output));
  else if (result.notes) console.log(indent(result.notes));
  return result;
}

async function runCommands({ commands, timeoutMs }) {
  const results = [];
  for (const [command, ...args] of commands) {
    results.push(await run(command, args, timeoutMs ? { timeoutMs } : {}));
  }
  const failures = results.filter(({ ok }) => !ok);
  return {
    passed: failures.length === 0 ? 1 : 0,
    failed: failures.length === 0 ? 0 : 1,
    skipped: 0,
    output: failures.map(({ output }) => output).join("\n"),
  };
}

function indent(text) {
  const lines = text.trimEnd().split("\n");
  const left = lines.splice(0, Math.max(0, lines.length - maxLines)).length;
  if (left > 0) lines.unshift(`(${left} lines more)`);
  return lines.map((line) => line && `  ${line}`).join("\n");
}
