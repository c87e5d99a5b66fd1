// Starts the programs of a run and talks to them in lines of JSON.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bun, deno, which } from "../../scripts/run.mjs";

/** The folder of this package. */
export const here = fileURLToPath(new URL("..", import.meta.url));

const limitMs = 180_000;
const isNode = !process.versions.bun && !process.versions.deno;
const node = isNode ? process.execPath : which("node") ?? "node";
let bundle;

/** One child process: it prints a line of JSON for each that it is sent. */
export class Program {
  #child;
  #lines;

  constructor(command, args) {
    this.#child = spawn(command, args.map(String), {
      cwd: here,
      stdio: ["pipe", "pipe", "inherit"],
      timeout: limitMs,
      env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1" },
    });
    this.#child.stdin.on("error", () => {}); // it ended; line() says so
    this.#lines = createInterface({ input: this.#child.stdout })
      [Symbol.asyncIterator]();
  }

  get pid() {
    return this.#child.pid;
  }

  /** The next thing it prints. */
  async line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(" ")} ended early`);
    return JSON.parse(value);
  }

  /** Sends a line and waits for the answer. */
  ask(text) {
    this.#child.stdin.write(`${text}\n`);
    return this.line();
  }

  /** CPU time of the process so far, in µs: for programs that cannot be asked. */
  get cpu() {
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ")
      .slice(12, 14).map(Number);
    return (user + system) * 10_000; // USER_HZ is 100 on Linux
  }

  /** Ends its input, for one that has something to end itself, and kills it where that does not end it. */
  async close() {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    this.#child.stdin.end();
    if (this.#child.exitCode === null && !this.#child.signalCode) {
      await new Promise((resolve) => this.#child.once("exit", resolve));
    }
    clearTimeout(timer);
  }

  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/** Starts a server: `name` is a file in `targets/`, which `server/main.ts` loads. */
export async function startServer(runtime, name, mode, job, options = {}) {
  const main = runtime === "node" ? nodeBundle() : join(here, "server/main.ts");
  const flags = {
    bun: [bun],
    deno: [deno, "run", "-A", "--quiet", "--v8-flags=--expose-gc"],
    node: [node, "--expose-gc"],
  };
  const [command, ...args] = flags[runtime];
  const program = new Program(command, [
    ...[...args, main, name, mode, job],
    JSON.stringify(options),
  ]);
  try {
    const { port } = await program.line();
    return Object.assign(program, { port });
  } catch (error) {
    await program.end();
    throw error;
  }
}

/** Waits until the readers have had so many bytes; throws when they do not come. */
export async function expectBytes(readers, expected) {
  let bytes = 0;
  for (let tries = 0; tries < 100; tries++) {
    ({ bytes } = await readers.ask("bytes"));
    if (bytes >= expected) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`messages were lost: ${bytes} of ${expected} bytes came`);
}

/** Starts raw TCP clients in a process of their own. */
export function startLoad(file, ...args) {
  return new Program(node, [join(here, "load", file), ...args]);
}

/** Node 20 reads no TypeScript: one bundle of ours, in which packages stay what they are. */
function nodeBundle() {
  if (bundle) return bundle;
  const folder = mkdtempSync(join(here, "bench-")); // in here, so that it finds the packages
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  bundle = join(folder, "main.mjs");
  const { status, stderr } = spawnSync(bun, [
    ...["build", "--target=node", "--packages=external", "--splitting"], // a peer's package is looked for with it only
    ...[`--outdir=${folder}`, "--entry-naming=main.mjs"],
    ...["--chunk-naming=[hash].mjs", join(here, "server/main.ts")],
  ]);
  if (status !== 0) throw new Error(String(stderr));
  return bundle;
}
