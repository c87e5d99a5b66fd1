/** A wait for many at once: it looks seldom enough that fifty processes of them fit into a test run. */
import { pause } from "../../src/testing/assert.ts";
import { holds } from "../helpers/wait.ts";

/** Resolves when the condition holds; rejects when it does not in time. */
export async function until(
  condition: () => unknown,
  what: string | (() => string) = () => String(condition),
  withinMs = 4_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!holds(condition)) {
    if (Date.now() > end) {
      const missed = typeof what === "string" ? what : what();
      throw new Error(`Not within ${withinMs} ms: ${missed}`);
    }
    await pause(8);
  }
}
