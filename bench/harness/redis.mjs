// A Redis of a run's own, and a wire to it that counts what a node is sent.
import { spawn } from "node:child_process";
import net from "node:net";
import process from "node:process";
import { which } from "../../scripts/run.mjs";

/** Starts redis-server on a free port; it keeps nothing. */
export async function startRedis() {
  const program = process.env.REDIS_SERVER_PATH ?? which("redis-server");
  if (!program) throw new Error("redis-server is not installed");
  const port = await freePort();
  const child = spawn(
    program,
    ["--port", `${port}`, "--bind", "127.0.0.1", "--save", ""],
    { stdio: "ignore" },
  );
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries === 100) throw new Error("redis-server does not answer");
    await new Promise((later) => setTimeout(later, 50));
  }
  return { port, url: `redis://127.0.0.1:${port}`, end: () => child.kill() };
}

/** How often a command was called since the start. */
export function callsOf(port, command) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.write("INFO commandstats\r\nQUIT\r\n");
    });
    let text = "";
    socket.on("data", (data) => text += data);
    socket.on("error", reject);
    socket.on("close", () => {
      const [, calls = 0] =
        new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text) ?? [];
      resolve(Number(calls));
    });
  });
}

/** A proxy to a port that counts how often a text comes back. */
export async function startCounter(port, mark) {
  let messages = 0;
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    let rest = "";
    far.on("data", (data) => {
      const text = rest + data.toString("latin1");
      messages += text.split(mark).length - 1;
      // What may be the start of one; it is shorter than the mark, so that none is counted twice.
      rest = text.slice(text.lastIndexOf(mark) + 1).slice(1 - mark.length);
      near.write(data);
    });
    near.on("data", (data) => far.write(data));
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `redis://127.0.0.1:${server.address().port}`,
    take() {
      const seen = messages;
      messages = 0;
      return seen;
    },
    end() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function freePort() {
  const server = net.createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(
      port,
      "127.0.0.1",
      () => socket.write("PING\r\n"),
    );
    socket.on("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
