// The compiler's messages are part of what a user sees: compared word for word, on every version that is promised.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contract, mistakes, names, prelude } from "./messages.ts";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dir, "../..");
const folder = join(root, "node_modules/.cache/super-line-messages");
const all = [...names, ...mistakes];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const paths = Object.fromEntries(
  Object.entries(manifest.exports).map(([entry, file]) => [
    `@super-line/edge${entry.slice(1)}`,
    [join(root, file)],
  ]),
);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "contract.ts"), contract);
for (const [index, { code }] of all.entries()) {
  writeFileSync(join(folder, `mistake_${index}.ts`), prelude + code);
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      lib: [
        "ES2024",
        "DOM",
        "DOM.Iterable",
        "DOM.AsyncIterable",
        "ESNext.Disposable",
      ],
      module: "Preserve",
      moduleResolution: "bundler",
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      types: [],
      paths,
    },
    files: all.map((_, index) => `mistake_${index}.ts`),
  }),
);

/** The compiler orders a union by when it met each member. */
const sorted = (message: string) =>
  message.replace(
    /"[^"]*"(?: \| "[^"]*")+/g,
    (union) => union.split(" | ").sort().join(" | "),
  );

for (const version of ["typescript58", "typescript", "typescript7"]) {
  test(`the messages of ${version}`, async () => {
    const tsc = join(root, "node_modules", version, "bin/tsc");
    const child = Bun.spawn(
      ["node", tsc, "--project", folder, "--pretty", "false"],
      { cwd: folder, stdout: "pipe", stderr: "inherit" },
    );
    const output = await new Response(child.stdout).text();
    await child.exited;
    const found = new Map<number, string[]>();
    for (const text of output.split(/\n(?=\S)/)) {
      const match = /^mistake_(\d+)\.ts\(.*?\): error TS\d+: ([^]*)$/.exec(
        text,
      );
      if (!match) throw new Error(`not expected: ${text}`);
      const messages = found.get(Number(match[1])) ?? [];
      found.set(Number(match[1]), [...messages, sorted(match[2]!.trim())]);
    }
    for (const [index, { name, message }] of all.entries()) {
      const said = found.get(index);
      expect({ name, said }).toEqual({ name, said: [sorted(message)] });
    }
  }, 120_000);
}

test("a wrong name's message has no part of the contract's definition", () => {
  for (const { message } of names) {
    expect(message.slice(0, 300)).not.toMatch(/clientToServer: |Zod|readonly/);
  }
});
