/**
 * Assertions without a test runner.
 *
 * @module
 */

/** Throws unless something holds. */
export function assert(holds: boolean, message: string): asserts holds {
  if (holds) return;
  const error = new Error(message);
  error.name = "AssertionError";
  throw error;
}

/** Throws unless two lists of texts are the same; the message shows where they part. */
export function assertSame(
  actual: readonly string[],
  expected: readonly string[],
  what: string,
): void {
  const length = Math.max(actual.length, expected.length);
  for (let at = 0; at < length; at++) {
    assert(
      actual[at] === expected[at],
      `${what}: at ${at} of ${expected.length} is ${
        show(actual[at])
      } (of ${actual.length}), must be ${show(expected[at])}`,
    );
  }
}

/** Gives a promise's outcome, and throws when that takes too long. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      try {
        assert(false, `${what} did not happen within ${ms} ms`);
      } catch (error) {
        reject(error);
      }
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws unless a promise rejects with a code in time. */
export async function assertRejects(
  promise: Promise<unknown>,
  code: string,
  ms: number,
  what: string,
): Promise<void> {
  const outcome = await within(
    promise.then(
      () => "resolved",
      (error) => `rejected with ${(error as { code?: unknown })?.code}`, // anything can be thrown
    ),
    ms,
    `the end of ${what}`,
  );
  assert(
    outcome === `rejected with ${code}`,
    `${what}: it ${outcome}, must be rejected with ${code}`,
  );
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A text as it can stand in a message. */
export function show(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return text.length <= 60
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, 40))}… of ${text.length}`;
}
