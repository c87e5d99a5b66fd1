/**
 * A promise that is settled from outside. `Promise.withResolvers` is not in Node 20.
 *
 * @module
 */

/** A promise and the functions that settle it; only the first call counts. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(error: unknown): void;
}

/** Makes a pending promise. A rejection that nobody awaits is ignored: several callers may share it, or none. */
export function createDeferred<T = void>(): Deferred<T> {
  let resolve: Deferred<T>["resolve"] = () => {};
  let reject: Deferred<T>["reject"] = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
