/**
 * The suite that every adapter passes.
 *
 * @module
 */
import { carrying } from "./adapter_cases/carrying.ts";
import { ending } from "./adapter_cases/ending.ts";
import { failing } from "./adapter_cases/failing.ts";
import { log } from "./adapter_cases/log.ts";
import { presence } from "./adapter_cases/presence.ts";
import { subscribing } from "./adapter_cases/subscribing.ts";
import type { AdapterCase } from "./adapter_subject.ts";

/**
 * What each promise of `Adapter` means, as cases for any test runner on any runtime. Run them one after the other.
 *
 * @example Under Bun
 * ```ts ignore
 * import { test } from "bun:test";
 * import { adapterSuite, skipReason } from "@super-line/edge/testing";
 * import { subject } from "./my_subject.ts";
 *
 * for (const it of adapterSuite) {
 *   const reason = skipReason(it, subject);
 *   if (reason) test.skip(`${it.promise} ${it.name}: ${reason}`, () => {});
 *   else test(`${it.promise} ${it.name}`, () => it.run(subject), 20 * subject.patienceMs);
 * }
 * ```
 */
export const adapterSuite: readonly AdapterCase[] = [
  ...subscribing,
  ...carrying,
  ...failing,
  ...ending,
  ...presence,
  ...log,
];
