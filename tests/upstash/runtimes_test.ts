import { upstashSuite } from "./upstash_suite.ts";
import { suiteOnRuntimes } from "../adapters/suite_on_runtimes.ts";

suiteOnRuntimes({
  cases: upstashSuite.length,
  program: `${import.meta.dir}/suite_program.ts`,
  exitMs: 5_000,
});
