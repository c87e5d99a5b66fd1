// The Redis that the nodes share: yours, or one that lives as long as the
// program does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const HOW_TO = `Cannot start redis-server: it is not on PATH. Install it:
  apt-get install redis-server · brew install redis · dnf install redis
or say where a Redis is:
  REDIS_URL=redis://localhost:6379 bun run scaling`;

export interface Redis {
  readonly url: string;
  /** What it is, for people: no password. */
  readonly what: string;
  stop(): Promise<void>;
}

/** Takes the Redis of `REDIS_URL`, or starts one on a free port. */
export async function findRedis(): Promise<Redis> {
  const { REDIS_URL } = process.env;
  if (!REDIS_URL) return await startRedis();
  const { host } = new URL(REDIS_URL);
  return {
    url: REDIS_URL,
    what: `${host}, from REDIS_URL`,
    stop: () => Promise.resolve(),
  };
}

async function startRedis(): Promise<Redis> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "scaling-redis-"));
  const child = spawn(process.env.REDIS_SERVER_PATH || "redis-server", [
    ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder],
    ...["--save", "", "--appendonly", "no"],
    // Ctrl-C is for the nodes to hear first: Redis ends after them.
  ], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  process.once("exit", () => child.kill("SIGKILL")); // whatever happens here
  const stop = async () => {
    if (child.pid && child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `redis://127.0.0.1:${port}`;
  return { url, what: `redis-server on port ${port}, until the end`, stop };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (data) => {
      said += data;
      if (said.includes("Ready to accept connections")) resolve();
    });
    child.on("exit", () => reject(new Error(`Cannot start Redis: ${said}`)));
    child.on("error", () => reject(new Error(HOW_TO)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}
