import { expect, test } from "bun:test";
import { dirname, relative } from "node:path";
import process from "node:process";

// In processes of their own: a document is a global, and React comes in two versions.
const root = dirname(dirname(import.meta.dir));
const here = `./${relative(root, import.meta.dir)}`;

test.each(["19", "18"])(
  "the hooks hold on React %s",
  async (major) => {
    const child = Bun.spawn([
      process.execPath,
      "test",
      ...[`${here}/hooks_suite.tsx`, `${here}/server_suite.tsx`],
      ...(major === "18" ? ["--preload", `${here}/react18.ts`] : []),
      ...["--preload", `${here}/dom.ts`, "--timeout", "20000"],
    ], {
      cwd: root,
      env: { ...process.env, REACT_MAJOR: major },
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = await new Response(child.stderr).text();
    if (await child.exited !== 0) throw new Error(output);
    const [, passed] = output.match(/^ (\d+) pass\n 0 fail$/m) ?? [];
    expect(Number(passed)).toBeGreaterThan(19);
  },
  120_000,
);
