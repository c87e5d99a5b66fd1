import { suiteOnRuntimes } from "../adapters/suite_on_runtimes.ts";

suiteOnRuntimes({
  program: `${import.meta.dir}/suite_program.ts`,
  exitMs: 5_000,
});
