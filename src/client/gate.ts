/**
 * A promise settled from outside.
 *
 * @module
 */

/** A promise that may be ignored. */
export interface Gate {
  readonly promise: Promise<void>;
  open(): void;
  fail(error: unknown): void;
}

/** Makes a gate that is shut. */
export function createGate(): Gate {
  let open = () => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, open, fail };
}
