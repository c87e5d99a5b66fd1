/** Presence on a broker that answers and accepts no writes: never a wrong number, always UNAVAILABLE. */
import { expect, test } from "bun:test";
import { MemoryBus } from "../../adapters/memory.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import type { TestServer } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { rejection, within } from "../helpers/wait.ts";
import { node } from "./nodes.ts";

const TTL_MS = 1_000;
const PATIENCE_MS = 20_000;

/** How a broker stops to accept writes, and accepts them again. */
export interface Refusal {
  readonly name: string;
  begin(): unknown;
  end(): unknown;
}

/**
 * Registers it; its file says `afterEach(endAll)`.
 *
 * @param create Makes the adapter of one node
 */
export function registerRefusedPresenceSuite(
  name: string,
  create: () => Adapter,
  refusals: readonly Refusal[],
): void {
  for (const { name: state, begin, end } of refusals) {
    test(
      `while ${name} is ${state}, presence rejects UNAVAILABLE and is right afterwards`,
      async () => {
        const make = () =>
          node(new MemoryBus(), {}, {
            adapter: create(),
            presence: { ttlMs: TTL_MS },
            identify: ({ ctx }: { ctx: { name: string } }) => ctx.name,
          });
        const [{ srv: a, errors }, { srv: b }] = [make(), make()];
        await connect(a, { name: "ada" });
        await connect(b, { name: "bob" });
        await eventually(async () =>
          await a.cluster.count() === 2 && await b.isOnline("ada")
        );
        await begin();
        try {
          const known = errors.length;
          await connect(a, { name: "eve" });
          await eventually(async () => await isUnavailable(a.cluster.count()));
          const until = Date.now() + 3 * TTL_MS; // all that was written is gone
          while (Date.now() < until) {
            await Promise.all(questions(a).map(isRight));
            await new Promise((resolve) => setTimeout(resolve, TTL_MS / 10));
          }
          for (const ask of questions(a)) {
            expect(await rejection(ask())).toMatchObject({
              code: "UNAVAILABLE",
            });
          }
          expect(errors.length - known).toBeLessThan(5);
        } finally {
          await end();
        }
        await eventually(async () =>
          await a.cluster.count() === 3 && await b.cluster.count() === 3 &&
          await b.isOnline("eve")
        );
      },
      4 * PATIENCE_MS,
    );
  }
}

function questions(srv: TestServer): (() => Promise<unknown>)[] {
  return [
    () => srv.cluster.count(),
    () => srv.cluster.connections(),
    () => srv.cluster.topology(),
    () => srv.cluster.byUser("eve"),
    () => srv.isOnline("eve"),
  ];
}

/** Whether it rejects UNAVAILABLE, as it must where the new connection could not be written. */
async function isRight(ask: () => Promise<unknown>): Promise<void> {
  expect(await isUnavailable(ask())).toBe(true);
}

async function isUnavailable(promise: Promise<unknown>): Promise<boolean> {
  try {
    await within(promise, PATIENCE_MS);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
    return true;
  }
}

async function eventually(ask: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!await within(ask().catch(() => false), PATIENCE_MS)) {
    if (Date.now() > end) throw new Error(`Not in time: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
