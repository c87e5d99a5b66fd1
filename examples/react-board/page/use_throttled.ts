// Many calls, few of them made.
import { useEffect, useRef } from "react";

/** Calls at most once in `everyMs`, the last time with the last arguments. */
export function useThrottled<A extends unknown[]>(
  fn: (...args: A) => void,
  everyMs: number,
): (...args: A) => void {
  const latest = useRef(fn);
  const waiting = useRef<A | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    latest.current = fn;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return (...args) => {
    waiting.current = args;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      if (waiting.current) latest.current(...waiting.current);
    }, everyMs);
  };
}
