/** The suite that every pair of server and client passes. */
import { calling } from "./cases/calling.ts";
import { ending } from "./cases/ending.ts";
import { opening } from "./cases/opening.ts";
import { schemas } from "./cases/schemas.ts";
import { streaming } from "./cases/streaming.ts";
import { spreading } from "./cases/spreading.ts";
import type { Need, Outcome, RuntimeCase, Subject } from "./subject.ts";

export const suite: readonly RuntimeCase[] = [
  ...opening,
  ...calling,
  ...schemas,
  ...spreading,
  ...streaming,
  ...ending,
];

/** What a case needs that a pair does not have; empty when it is to run. */
export function missing(
  { needs = [] }: RuntimeCase,
  can: ReadonlySet<Need>,
): Need[] {
  return needs.filter((need) => !can.has(need));
}

/** Runs the cases of those names, several at once, each on a node of its own. Never rejects. */
export async function runSuite(
  subject: Subject,
  names: readonly string[],
  atOnce: number,
  done: (outcome: Outcome) => void,
): Promise<void> {
  const waiting = suite.filter(({ name }) => names.includes(name));
  const worker = async () => {
    for (let it = waiting.shift(); it; it = waiting.shift()) {
      const { name } = it;
      const start = performance.now();
      const error = await it.run(subject).then(() => undefined, String);
      const ms = Math.round(performance.now() - start);
      done(error === undefined ? { name, ms } : { name, error, ms });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
