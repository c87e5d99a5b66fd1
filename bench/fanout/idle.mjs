// Start and idle connections: ours beside a bare server of the same runtime, in one run. Linux only.
//   node bench/fanout/idle.mjs [--connections N]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bun, deno, root } from "../../scripts/run.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const connections = Number(words[words.indexOf("--connections") + 1]) || 10_000;
const folder = mkdtempSync(join(root, "bench-")); // inside, so that the bundle finds the packages
const bundle = join(folder, "server.mjs");
const server = join(here, "server.ts");
const commands = {
  bun: [bun, server],
  deno: [deno, "run", "-A", "--quiet", server],
  node: [process.execPath, bundle],
};
try {
  const args = ["build", "--target=node", `--outfile=${bundle}`, server];
  spawnSync(bun, args, { stdio: "ignore" });
  console.log("runtime | mode | ms to the first handshake | kB a connection");
  for (const runtime of Object.keys(commands)) {
    for (const mode of ["plain", "ours"]) await measure(runtime, mode);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(runtime, mode) {
  const [program, ...args] = [...commands[runtime], mode, "1", "1"];
  const started = performance.now();
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const sockets = [];
  try {
    const lines = createInterface({ input: child.stdout });
    const [line] = await new Promise((resolve) =>
      lines.once("line", (line) => resolve([line]))
    );
    const port = Number(line.split(" ")[1]);
    sockets.push(await dial(port));
    const start = performance.now() - started;
    while (sockets.length < 500) sockets.push(await dial(port)); // warm
    const before = residentKb(child.pid);
    const first = sockets.length;
    while (sockets.length < first + connections) {
      const wave = Array.from({ length: 100 }, () => dial(port));
      sockets.push(...await Promise.all(wave));
    }
    await new Promise((later) => setTimeout(later, 1_000));
    const each = (residentKb(child.pid) - before) / connections;
    console.log(
      `${runtime} | ${mode} | ${start.toFixed(0)} | ${each.toFixed(1)}`,
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill();
  }
}

/** Upgrades, and waits for the answer. */
function dial(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () =>
      socket.write(
        `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\n` +
          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: superline.v1\r\n\r\n",
      ));
    socket.once("data", () => resolve(socket));
    socket.on("error", reject);
  });
}

function residentKb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
}
