// Counts the documentation's code blocks that nothing runs: must be 0.
import process from "node:process";
import { fileURLToPath } from "node:url";
import { pages, runnerOf } from "./doc_blocks.mjs";

/** The blocks that are run, and a line for each that is not. */
export function checkDocs() {
  const idle = [];
  let passed = 0;
  for (const page of pages()) {
    for (const block of page.blocks) {
      if (block.hidden) continue;
      if (runnerOf(page, block)) passed++;
      else idle.push(`${page.path}:${block.line}: nothing runs this block\n`);
    }
  }
  return { passed, failed: idle.length, skipped: 0, output: idle.join("") };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { passed, failed, output } = checkDocs();
  console.log(`${output}${passed} code blocks are run, ${failed} are not`);
  process.exit(failed > 0 ? 1 : 0);
}
