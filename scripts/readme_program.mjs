// The README's program as files: its blocks that start with `// name.ts`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

/**
 * Writes the program into a folder of its own inside the repository, where the
 * package is found by its public name, and removes it afterwards.
 */
export async function withReadmeProgram(use) {
  const folder = mkdtempSync(join(root, "readme-program-"));
  try {
    const text = readFileSync(join(root, "README.md"), "utf8");
    for (const [, block] of text.matchAll(/```ts ignore\n([^]*?)```/g)) {
      const name = /^\/\/ ([a-z]+\.ts)/.exec(block)?.[1];
      if (name) writeFileSync(join(folder, name), block);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
