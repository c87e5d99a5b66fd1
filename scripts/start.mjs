// `npm start`: installs what is missing, then serves the chat with Bun. Another
// program of the repository may be named, with its arguments.
import { spawn } from "node:child_process";
import process from "node:process";
import { ensureNpmPackages } from "./npm_packages.mjs";
import { bun, root } from "./run.mjs";

try {
  await ensureNpmPackages();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const [program = "examples/chat/server.ts", ...args] = process.argv.slice(2);
const server = spawn(bun, [program, ...args], {
  cwd: root,
  stdio: "inherit",
});
server.on("exit", (code, signal) => {
  process.exit(code ?? { SIGINT: 130, SIGTERM: 143 }[signal] ?? 1);
});

process.on("SIGTERM", () => server.kill("SIGTERM"));
process.on("SIGINT", () => {
  // From a terminal, Ctrl-C has reached the server already; twice is "now".
  if (!process.stdin.isTTY) server.kill("SIGINT");
});
