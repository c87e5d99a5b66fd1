import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adapterSuite } from "../../src/testing/mod.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "tests/upstash/suite_program.ts");

/** After how long a program that closed its adapter must be over. */
const EXIT_MS = 5_000;

test.concurrent("the suite runs on Deno, and its program ends", async () => {
  const deno = join(root, "node_modules/.bin/deno");
  await run(deno, "run", "--allow-all", "--no-check", program);
}, 120_000);

test.concurrent("the suite runs on Node, and its program ends", async () => {
  const folder = await mkdtemp(join(tmpdir(), "upstash-suite-"));
  try {
    const built = await Bun.build({
      entrypoints: [program],
      outdir: folder,
      target: "node",
      naming: "suite.mjs",
    });
    expect(built.success).toBe(true);
    await run("node", join(folder, "suite.mjs"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  let output = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    timer ??= setTimeout(() => child.kill("SIGKILL"), EXIT_MS);
  }
  expect(await child.exited).toBe(0);
  clearTimeout(timer);
  expect(JSON.parse(output)).toEqual({
    cases: adapterSuite.length,
    failed: [],
  });
}
