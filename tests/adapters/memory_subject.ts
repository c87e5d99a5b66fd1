import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import type { AdapterSubject } from "../../src/testing/mod.ts";

/** The in-memory adapter as the suite sees it: a namespace is a bus, and all buses fail together. */
export function createMemorySubject(
  patienceMs: number,
): AdapterSubject & { readonly outage: NonNullable<AdapterSubject["outage"]> } {
  const buses = new Map<string, MemoryBus>();
  return {
    patienceMs,
    presence: true,
    log: true,
    flush: () => buses.forEach((bus) => bus.flush()),
    create({ namespace }) {
      let bus = buses.get(namespace);
      if (!bus) buses.set(namespace, bus = new MemoryBus());
      return createInMemoryAdapter(bus);
    },
    outage: {
      begin: () => buses.forEach((bus) => bus.fail()),
      end: () => buses.forEach((bus) => bus.restore()),
    },
  };
}
