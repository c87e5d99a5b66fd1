import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pages, programsOf } from "../../scripts/doc_blocks.mjs";
import { RedisServer } from "../redis/redis_server.ts";
import { compile, type Finding } from "../types/compile.ts";

const root = new URL("../..", import.meta.url).pathname;
const programs = pages().flatMap(programsOf).map(({ name, code }) => {
  const file = name.replace(/\W+/g, "_") +
    (/<\/\w+>|<\w+ \/>/.test(code) ? ".tsx" : ".ts");
  return { name, file, code };
});
// The files of one program, which tests/browser/getting_started_test.ts runs.
const files = pages()
  .filter(({ path }) => path === "docs/getting-started.md")
  .flatMap(({ blocks }) => blocks)
  .map(({ file = "", code }) => ({ name: file, file, code }));
const all = [...programs, ...files];
let found: Map<string, Finding[]>;
// In the repository, where the package is found by its public name.
const folder = mkdtempSync(join(root, "docs-program-"));

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  found = compile(
    new Map(all.map(({ file, code }) => [file, code])),
    [],
  );
}, 120_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await redis?.end();
});

test("there are pages", () => expect(programs.length).toBeGreaterThan(15));

describe("compiles:", () => {
  test.each(all)("$name", ({ file }) => {
    expect(found.get(file)).toEqual([]);
  });
});

describe("runs, and prints what it says:", () => {
  test.each(programs)("$name", async ({ file, code }) => {
    writeFileSync(
      join(folder, file),
      code.replaceAll("redis://localhost:6379", redis.url),
    );
    const promised = [...code.matchAll(/\/\/ prints: (.*)$/gm)]
      .map(([, line]) => line);
    const isTest = code.includes('from "bun:test"');
    const child = Bun.spawn(
      [process.execPath, ...(isTest ? ["test"] : []), `./${file}`],
      { cwd: folder, stdout: "pipe", stderr: "pipe" },
    );
    const [out, err, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (status !== 0) throw new Error(err);
    if (isTest) expect(err).toMatch(/^ [1-9]\d* pass\n 0 fail$/m);
    else expect(onOneLine(out)).toBe(onOneLine(promised.join("\n")));
  }, 30_000);
});

/** However a runtime breaks an object into lines. */
function onOneLine(text: string): string {
  return text.replace(/,?\s+(?=[}\]])/g, " ").replace(/([{[])\s+/g, "$1 ")
    .replace(/\s+/g, " ").trim();
}
