import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

const root = new URL("../..", import.meta.url).pathname;
const folder = "examples/ideas";

/** What the program's first lines say that it prints; nothing for a test. */
function promisedBy(text: string): string | undefined {
  const block = /^\/\/ Prints:\n((?:\/\/ {3}.*\n)+)/m.exec(text)?.[1];
  return block?.replace(/^\/\/ {3}/gm, "").trimEnd();
}

const names = readdirSync(root + folder).filter((it) => it.endsWith(".ts"));

test("there are examples", () => expect(names.length).toBeGreaterThan(11));

test.each(names)("%s does what it says, in at most 80 lines", async (name) => {
  const text = readFileSync(`${root}${folder}/${name}`, "utf8");
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(80);
  const promised = promisedBy(text);
  const command = promised === undefined ? ["test"] : [];
  const child = Bun.spawn(
    [process.execPath, ...command, `./${folder}/${name}`],
    { cwd: root, stdout: "pipe", stderr: "pipe" },
  );
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (promised === undefined) {
    expect(err).toMatch(/^ [1-9]\d* pass\n 0 fail$/m);
  } else {
    expect(err).toBe("");
    expect(out.trimEnd()).toBe(promised);
  }
  expect(code).toBe(0);
}, 30_000);
