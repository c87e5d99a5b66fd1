/** `workerd.ts <file> <binding=Class…>`: runs a Worker of bench/cloudflare in workerd, and says how much CPU time it took. */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { bundleWorker, startWorker } from "../../tests/cloudflare/workerd.ts";

const [file = "", ...bindings] = process.argv.slice(2);
const script = await bundleWorker(`bench/cloudflare/${file}`);
const classes = Object.fromEntries(bindings.map((it) => it.split("=")));
const worker = await startWorker(script, classes);
const pid = workerdOf(process.pid);
console.log(JSON.stringify({ port: Number(new URL(worker.origin).port) }));
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "cpu") await (await fetch(`${worker.origin}${line}`)).text();
  console.log(JSON.stringify({ cpu: cpuOf(pid) }));
}
await worker[Symbol.asyncDispose](); // else workerd would outlive this
process.exit(0);

/** The child process that runs the Worker. */
function workerdOf(parent: number): string {
  const found = readdirSync("/proc").find((it) => {
    if (!/^\d+$/.test(it)) return false;
    try {
      const [, name, rest = ""] = /\((.*)\) \S (.*)/.exec(stat(it)) ?? [];
      return name === "workerd" && rest.startsWith(`${parent} `);
    } catch {
      return false; // it has ended meanwhile
    }
  });
  if (!found) throw new Error("workerd is not found");
  return found;
}

function cpuOf(pid: string): number {
  const text = stat(pid);
  const [user = 0, system = 0] = text.slice(text.lastIndexOf(")")).split(" ")
    .slice(12, 14).map(Number);
  return (user + system) * 10_000; // USER_HZ is 100 on Linux
}

function stat(pid: string): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8");
}
