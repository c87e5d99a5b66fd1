/** Whether two types are the same, `any` and `readonly` included. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

/** Compiles when it is given `true`. */
export function same<_ extends true>(): void {}
