/** Serves the nodes in workerd; `hono` as argument puts Hono in front, `oldest` takes that compatibility date. */
import process from "node:process";
import { bundleWorker, dates, startWorker } from "../cloudflare/workerd.ts";

const script = await bundleWorker("tests/runtimes/worker.ts");
const workerd = await startWorker(script, {
  json: "Json",
  packed: "Packed",
  elsewhere: "Elsewhere",
  small: "Small",
  strict: "Strict",
}, {
  date: process.argv.includes("oldest") ? dates.oldest : dates.newest,
  bindings: { HONO: process.argv.includes("hono") },
});
console.log(`port ${new URL(workerd.origin).port}`);
// Exiting alone would leave workerd behind.
const end = async () => {
  await workerd[Symbol.asyncDispose]();
  process.exit(0);
};
process.stdin.on("end", end).resume();
