/**
 * A reference to an object that is created later.
 *
 * @module
 */

/** A reference that can be passed on before its object exists. */
export interface Reference<T> {
  /** Behaves as the object once `set` was called. Until then each of its members throws a `TypeError`. */
  readonly value: T;
  /** Sets the object. */
  set(object: T): void;
}

/**
 * Creates a reference.
 *
 * @param early The message of the error for a member that is used too early
 */
export function createReference<T extends object>(
  early: string,
): Reference<T> {
  let object: T | undefined;
  const value = new Proxy({} as T, {
    get(_target, key) {
      if (!object) throw new TypeError(early);
      const member: unknown = Reflect.get(object, key, object);
      return typeof member === "function" ? member.bind(object) : member;
    },
  });
  return { value, set: (it) => void (object = it) };
}
