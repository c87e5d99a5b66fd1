import { upstashSuite } from "./upstash_suite.ts";
import { registerReplicaSuite } from "./replica.ts";

await registerReplicaSuite(
  upstashSuite.filter(({ promise }) => promise[0] !== "P"),
);
