// Finds processes that a test run started and did not end.
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

const MARK = "SUPER_LINE_TEST_RUN";

// Children inherit it, whoever starts them, also when their parent has ended.
process.env[MARK] ??= `${process.pid}-${Date.now()}`;

/** Waits a moment for what is ending, then resolves to a line for each process that still runs, and kills it. */
export async function leftBehind() {
  if (process.platform !== "linux") return [];
  let found = [];
  for (let tries = 0; tries < 20; tries++) {
    found = marked();
    if (found.length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
  return found.map(({ pid, command }) => `process ${pid}, ${command}`);
}

function marked() {
  const mark = `${MARK}=${process.env[MARK]}`;
  const found = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!pid || pid === process.pid || pid === process.ppid) continue;
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)) {
        continue;
      }
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8")
        .replaceAll("\0", " ").slice(0, 200).trim();
      if (command) found.push({ pid, command }); // a zombie has none
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  }
  return found;
}
