import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { cases, prelude } from "./cases.ts";
import { compile, type Finding } from "./compile.ts";

// Programs without a mistake, the pages' snippets among them.
const programs = [
  "fixture.ts",
  "inference.ts",
  "react.ts",
  ...readdirSync(new URL("snippets", import.meta.url))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `snippets/${name}`),
];
let found: Map<string, Finding[]>;

beforeAll(() => {
  const sources = cases.flatMap(({ good, bad }, index) => [
    [`good_${index}.ts`, prelude + good] as const,
    [`bad_${index}.ts`, prelude + bad] as const,
  ]);
  found = compile(new Map(sources), programs);
}, 120_000);

describe("compiles:", () => {
  test.each(programs)("%s", (name) => {
    expect(found.get(name)).toEqual([]);
  });
});

describe("does not compile:", () => {
  test.each(cases.map((one, index) => ({ ...one, index })))(
    "$name",
    ({ index, code, mentions }) => {
      const findings = found.get(`bad_${index}.ts`);
      expect(found.get(`good_${index}.ts`)).toEqual([]);
      expect(findings).toEqual([{ code, message: expect.any(String) }]);
      for (const name of mentions) {
        expect(findings?.[0]?.message).toContain(name);
      }
    },
  );
});
