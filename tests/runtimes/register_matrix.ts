/** Registers a part of the matrix: a file for each kind of server, so that they run beside each other. */
import { afterAll, describe, test } from "bun:test";
import { Matrix, pairs, parts } from "./matrix.ts";

/** Registers every client with the servers of one part, over real sockets and real processes. */
export function registerMatrix(part: keyof typeof parts): void {
  const chosen = pairs.filter(({ server }) => parts[part].test(server.name));
  const matrix = new Matrix(chosen);
  afterAll(() => matrix[Symbol.asyncDispose]());
  for (const pair of chosen) {
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
}
