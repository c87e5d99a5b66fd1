import { type AdapterCase, adapterSuite } from "../../src/testing/mod.ts";

/** The cases of what the Upstash adapter has: no logs. */
export const upstashSuite: readonly AdapterCase[] = adapterSuite.filter((
  { needs },
) => !needs?.includes("log"));
