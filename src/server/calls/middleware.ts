/**
 * The chain of functions around a call.
 *
 * @module
 */
import { SocketError } from "../../wire/errors.ts";
import type { MaybePromise } from "../../shared/thenable.ts";
import type { Middleware, MiddlewareInfo } from "../types/handlers.ts";

/**
 * Runs middleware, the first outermost, around a call.
 *
 * @param chain The middleware
 * @param ctx The connection's context
 * @param info What it is around
 * @param inner The call itself, run at most once
 * @returns What `inner` returned
 * @throws What `inner` or a middleware threw; FORBIDDEN when one returned without a call to `next`
 */
export async function around<T>(
  chain: readonly Middleware[],
  ctx: unknown,
  info: MiddlewareInfo,
  inner: () => MaybePromise<T>,
): Promise<T> {
  let output: { readonly value: T } | undefined;

  async function step(index: number): Promise<void> {
    const middleware = chain[index];
    if (!middleware) {
      output = { value: await inner() };
      return;
    }
    let rest: Promise<void> | undefined;
    await middleware(ctx, info, () => {
      if (rest) {
        throw new TypeError(
          `Cannot run ${
            JSON.stringify(info.name)
          } again: next() was called twice, must be once`,
        );
      }
      rest = step(index + 1);
      rest.catch(() => {}); // a middleware may not await it; it is awaited below
      return rest;
    });
    if (!rest) {
      throw new SocketError(
        "FORBIDDEN",
        `${JSON.stringify(info.name)} was refused by middleware`,
      );
    }
    // A middleware that caught the failure has no answer to put in its place, so it stays one.
    await rest;
  }

  await step(0);
  if (!output) throw new SocketError("INTERNAL"); // step(0) ends here only after inner
  return output.value;
}
