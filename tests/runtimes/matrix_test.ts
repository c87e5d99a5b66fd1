/** Every server with every client: the suite over real sockets and real processes. */
import { afterAll, describe, test } from "bun:test";
import { Matrix, pairs } from "./matrix.ts";

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
