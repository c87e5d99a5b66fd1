/** Every server with every client: the suite over real sockets and real processes. */
import { afterAll, describe, expect, test } from "bun:test";
import { Matrix, type Outcomes, type Pair, pairs } from "./matrix.ts";
import { isWhole, render, written } from "./table.ts";

const matrix = new Matrix();

afterAll(() => matrix[Symbol.asyncDispose]());

for (const pair of pairs) {
  const { server, client, cases } = pair;
  describe(`server ${server.name}, client ${client.name}`, () => {
    for (const { name, promise } of cases) {
      test(`${promise}: ${name}`, async () => {
        const error = (await matrix.of(pair)).get(name)?.error;
        if (error !== undefined) throw new Error(error);
      }, 300_000);
    }
  });
}

if (isWhole) {
  test("docs/compatibility.md says the same", async () => {
    const outcomes = new Map<Pair, Outcomes>();
    for (const pair of pairs) outcomes.set(pair, await matrix.of(pair));
    expect(render(outcomes)).toBe(written());
  }, 300_000);
}
