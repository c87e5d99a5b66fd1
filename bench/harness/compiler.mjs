// What a program costs the compiler: type instantiations (an exact count), the time of the check, and how long an
// editor waits for a completion.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildNpmShape } from "../../scripts/npm_shape.mjs";
import { root } from "../../scripts/run.mjs";
import { here } from "./programs.mjs";

const library = join(root, "node_modules/typescript/lib");
const compilerOptions = {
  target: "ES2024",
  lib: ["ES2024", "DOM", "ESNext.Disposable"],
  module: "Preserve",
  moduleResolution: "bundler",
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: [],
};

/** A folder with files, in which the library is installed with its declarations, as the peers are. */
export function project(files) {
  const folder = mkdtempSync(join(here, "bench-"));
  const installed = join(folder, "node_modules/@super-line/edge");
  mkdirSync(installed, { recursive: true });
  buildNpmShape(installed);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** Compiles one file alone: instantiations and seconds of checking. */
export function check(folder, file) {
  const config = join(folder, `${file}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [file] }));
  const { stdout, status } = spawnSync(
    "node",
    [join(library, "tsc.js"), "--project", config, "--extendedDiagnostics"],
    { encoding: "utf8", timeout: 120_000 },
  );
  const found = /Instantiations:\s+(\d+)/.exec(stdout);
  const time = /Check time:\s+([\d.]+)s/.exec(stdout);
  if (status !== 0 || !found || !time) throw new Error(stdout);
  return { instantiations: Number(found[1]), seconds: Number(time[1]) };
}

/**
 * Asks an editor's language server for the completion at a mark, written as in the text below, in a file: once after opening the file,
 * once after an edit. In milliseconds, with the names that were offered.
 */
export async function complete(folder, file, text) {
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: [file] }),
  );
  const server = new LanguageServer();
  try {
    const path = join(folder, file);
    const before = text.slice(0, text.indexOf("/*here*/"));
    const line = before.split("\n").length;
    const offset = before.length - before.lastIndexOf("\n");
    server.notify("open", { file: path, fileContent: text });
    const at = { file: path, line, offset };
    const first = await server.timed("completionInfo", at);
    const edit = { line: 1, offset: 1, endLine: 1, endOffset: 1 };
    server.notify("change", {
      file: path,
      ...edit,
      insertString: "export const edited = 1;",
    });
    const edited = await server.timed("completionInfo", at);
    return {
      first: first.ms,
      edited: edited.ms,
      names: first.body.entries.map(({ name }) => name),
    };
  } finally {
    server.close();
  }
}

class LanguageServer {
  #child = spawn("node", [
    join(library, "tsserver.js"),
    "--disableAutomaticTypingAcquisition",
  ], { stdio: ["pipe", "pipe", "inherit"] });
  #number = 0;
  #waiting = new Map();

  constructor() {
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      const message = JSON.parse(line);
      if (message.type !== "response") return;
      this.#waiting.get(message.request_seq)?.(message);
    });
  }

  notify(command, args) {
    const seq = ++this.#number;
    const request = { seq, type: "request", command, arguments: args };
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return seq;
  }

  async timed(command, args) {
    const start = performance.now();
    const answer = await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${command} took more than a minute`)),
        60_000,
      );
      this.#waiting.set(this.notify(command, args), (message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
    if (!answer.success) throw new Error(answer.message);
    return { ms: performance.now() - start, body: answer.body };
  }

  close() {
    this.#child.kill();
  }
}
