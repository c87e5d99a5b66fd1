import { afterAll, expect, test } from "bun:test";
import { RedisServer } from "../redis/redis_server.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { until, within } from "../helpers/wait.ts";
import { startScaling } from "./program.ts";

const redis = await RedisServer.start();
afterAll(() => redis.end());

const OK = "scaling: topic ok, room ok, server ok, dm ok (2 nodes, redis)";
const ways = ["topic", "room", "server", "dm"];

/** Runs it to its end. */
async function run(
  args: string[] = [],
  env: Record<string, string | undefined> = { REDIS_URL: redis.url },
) {
  const program = startScaling(args, env);
  const status = await program.ended().finally(program.end);
  const output = program.output();
  return { status, output, last: output.trimEnd().split("\n").at(-1) };
}

test(
  "a publish, a broadcast, a server event and a direct message cross two processes",
  async () => {
    const { status, output, last } = await run();
    expect(last).toBe(OK);
    expect(status).toBe(0);
    const ids = [...output.matchAll(/✓ \w+ +(\S{36}) of Bob on B/g)];
    expect(new Set(ids.map(([, id]) => id)).size).toBe(4);
    const pids = [...output.matchAll(/process (\d+)/g)].map(([, pid]) => pid);
    expect(new Set(pids).size).toBe(2);
    // All is gone with it: the nodes, and what they were subscribed to.
    for (const pid of pids) expect(isRunning(Number(pid))).toBe(false);
    expect(await redis.command("PUBSUB", "CHANNELS")).toBe("*0\r\n");
  },
  60_000,
);

for (const adapter of ["upstash", "mixed"]) {
  test(`the same over REST: ${adapter}`, async () => {
    const { status, last } = await run(["--adapter", adapter]);
    expect(last).toBe(
      `scaling: topic ok, room ok, server ok, dm ok (2 nodes, ${adapter})`,
    );
    expect(status).toBe(0);
    expect(await redis.command("PUBSUB", "CHANNELS")).toBe("*0\r\n");
  }, 60_000);
}

test("what a way over REST loses on purpose fails", async () => {
  const { status, last } = await run(["--adapter", "mixed", "--break", "dm"]);
  expect(last).toBe(
    "scaling: topic ok, room ok, server ok, dm FAILED (2 nodes, mixed)",
  );
  expect(status).toBe(1);
}, 60_000);

test("without a Redis it starts one, and ends it", async () => {
  const { status, output, last } = await run([], { REDIS_URL: undefined });
  expect(last).toBe(OK);
  expect(status).toBe(0);
  const port = Number(/redis-server on port (\d+)/.exec(output)?.[1]);
  expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
}, 60_000);

test("without one to start it says how to get one", async () => {
  const { status, output } = await run([], {
    REDIS_URL: undefined,
    REDIS_SERVER_PATH: "redis-server-that-is-not-there",
  });
  expect(status).toBe(1);
  expect(output).toContain("apt-get install redis-server");
  expect(output).toContain("REDIS_URL=");
}, 60_000);

test("each way that is broken on purpose fails, and it alone", async () => {
  const runs = await Promise.all(ways.map((way) => run(["--break", way])));
  for (const [at, { status, output, last }] of runs.entries()) {
    const words = ways.map((way, i) => `${way} ${i === at ? "FAILED" : "ok"}`);
    expect(last).toBe(`scaling: ${words.join(", ")} (2 nodes, redis)`);
    expect(output).toMatch(
      new RegExp(`✗ ${ways[at]} +node A heard nothing within 5 s`),
    );
    expect(status).toBe(1);
  }
}, 90_000);

test("what cannot be taken is said in one line", async () => {
  const { status, output } = await run(["--break", "roof"]);
  expect(output.trim()).toBe(
    "Cannot take --break roof: must be topic or room or server or dm",
  );
  expect(status).toBe(1);
}, 30_000);

test("SIGTERM to the whole process group leaves nothing behind", async () => {
  const root = new URL("../..", import.meta.url).pathname;
  const child = spawn(
    "node",
    ["scripts/start.mjs", "examples/scaling/main.ts", "--serve"],
    {
      cwd: root,
      env: { ...process.env, REDIS_URL: undefined, PORT: "0" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => output += data);
  }
  const ended = once(child, "close");
  await until(() => output.includes("Open http"), () => output, 30_000);
  const port = Number(/redis-server on port (\d+)/.exec(output)?.[1]);
  const pids = [...output.matchAll(/process (\d+)/g)].map(([, it]) => it);
  expect(pids.length).toBe(2);
  process.kill(-(child.pid ?? NaN), "SIGTERM");
  await within(ended, 30_000);
  for (const pid of pids) expect(isRunning(Number(pid))).toBe(false);
  expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
}, 70_000);

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
