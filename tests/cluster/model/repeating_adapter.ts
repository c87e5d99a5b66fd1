/** A broker that now and then delivers what it has delivered just before, around another adapter. */
import type { Adapter } from "../../../src/seams/adapter.ts";
import type { AdapterModule } from "./node_program.ts";

/** Which adapter it is around. */
interface RepeatingOptions {
  readonly adapter: string;
  readonly options: unknown;
}

/** How old a repeated one may be. */
const RECENT_MS = 200;

export async function createAdapter(
  { adapter, options }: RepeatingOptions,
): Promise<Adapter> {
  const { createAdapter } = await import(adapter) as AdapterModule;
  const inner = await createAdapter(options);
  let count = 0;
  let before: [channel: string, payload: string] | undefined;
  let beforeAt = 0;
  return {
    limits: inner.limits,
    open: (host) => inner.open(host),
    subscribe: (channel) => inner.subscribe(channel),
    unsubscribe: (channel) => inner.unsubscribe(channel),
    publish(channel, payload) {
      inner.publish(channel, payload);
      if (++count % 3 === 0) inner.publish(channel, payload);
      const now = performance.now();
      const recent = now - beforeAt < RECENT_MS;
      if (count % 5 === 0 && before && recent) inner.publish(...before);
      if (count % 7 === 0) [before, beforeAt] = [[channel, payload], now];
    },
    close: () => inner.close(),
  };
}
