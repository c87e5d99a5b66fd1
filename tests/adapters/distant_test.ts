import { createDistantSubject } from "./distant.ts";
import { registerAdapterSuite } from "./register.ts";

// Not an adapter of ours: it shows that the suite takes nothing for granted that only holds within a process.
registerAdapterSuite(
  "an adapter at a distance",
  createDistantSubject({ latencyMs: 5, patienceMs: 2_000 }),
);
