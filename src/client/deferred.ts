/**
 * A promise settled from outside.
 *
 * @module
 */

/** A promise that may be ignored. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

/** Makes a gate that is shut. */
export function createGate<T>(): Gate<T> {
  let open: Gate<T>["open"] = () => {};
  let fail: Gate<T>["fail"] = open as never; // replaced on the next line
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, open, fail };
}
