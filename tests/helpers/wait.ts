/** Waits that end: for a condition, for a promise, for a call. */

/** Resolves when the condition holds; rejects when it does not in time. */
export async function until(
  condition: () => unknown,
  what: string | (() => string) = () => String(condition),
  withinMs = 4_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!holds(condition)) {
    if (Date.now() > end) {
      throw new Error(
        `Not within ${withinMs} ms: ${
          typeof what === "string" ? what : what()
        }`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Whether a condition holds. A promise is refused: it would hold whatever becomes of it. */
export function holds(condition: () => unknown): boolean {
  const value = condition();
  if (
    typeof (value as PromiseLike<unknown> | null | undefined)?.then ===
      "function"
  ) {
    throw new TypeError(`Cannot wait for a promise: ${condition}`);
  }
  return Boolean(value);
}

/** The promise's outcome, or a rejection when there is none in time. */
export function within<T>(promise: Promise<T>, ms = 4_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves with what the promise rejected with; rejects when it resolved. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return within(promise.then(
    (value) => {
      throw new Error(`It resolved: ${JSON.stringify(value)}`);
    },
    (error) => error,
  ));
}

/** What a function threw; throws when it did not. */
export function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error("It did not throw");
}

/** Lets all that is queued run: microtasks, then one round of timers. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(() => setTimeout(resolve)));
}
