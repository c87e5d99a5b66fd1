// Running other programs: the one place that starts a child process and waits.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const exe = process.platform === "win32" ? ".exe" : "";

/** Bun as package.json pins it. */
export const bun = join(root, "node_modules", "bun", "bin", "bun.exe");

/** Deno as package.json pins it. */
export const deno = join(root, "node_modules", "deno", `deno${exe}`);

/** The path of the first of `names` that is a program on PATH. */
export function which(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name + exe);
      if (existsSync(path)) return path;
    }
  }
}

/**
 * Runs a program without input and keeps what it prints. It and all it started
 * are killed when the time is over, or when this process is interrupted.
 */
export function run(command, args, options = {}) {
  const { timeoutMs = 120_000, env = {}, cwd = root } = options;
  const ownGroup = process.platform !== "win32";
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: ownGroup,
    });
    const kill = () => {
      try {
        process.kill(ownGroup ? -child.pid : child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    };
    const timer = setTimeout(() => {
      output += `\nkilled: not done after ${timeoutMs / 1000} s\n`;
      kill();
    }, timeoutMs);
    const interrupted = (signal) => {
      kill();
      process.exit(signal === "SIGINT" ? 130 : 143);
    };
    process.on("SIGINT", interrupted).on("SIGTERM", interrupted);

    const done = (code) => {
      clearTimeout(timer);
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      resolve({ ok: code === 0, code, output });
    };
    child.stdout.on("data", (data) => output += data);
    child.stderr.on("data", (data) => output += data);
    child.on("error", (error) => {
      output += `cannot run ${command}: ${error.message}\n`;
      done(-1);
    });
    child.on("close", (code) => done(code ?? -1));
  });
}
