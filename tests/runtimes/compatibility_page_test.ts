/** The compatibility page shows what the matrix runs. That every case holds is for the matrix' own tests. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { parts } from "./matrix.ts";
import { servers } from "./places.ts";
import { isWhole, render, written } from "./table.ts";

test.if(isWhole)("docs/compatibility.md shows what the matrix runs", () => {
  expect(render()).toBe(written());
});

test("every server is in one part of the matrix, and every part has a test file", () => {
  for (const { name } of servers) {
    const matching = Object.values(parts).filter((part) => part.test(name));
    expect([name, matching.length]).toEqual([name, 1]);
  }
  for (const part of Object.keys(parts)) {
    const file = new URL(`matrix_${part}_test.ts`, import.meta.url);
    expect([part, existsSync(file)]).toEqual([part, true]);
  }
});
