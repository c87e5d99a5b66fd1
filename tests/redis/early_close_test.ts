import { afterAll, beforeAll, expect, test } from "bun:test";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { within } from "../helpers/wait.ts";
import { RedisServer } from "./redis_server.ts";

const program = fileURLToPath(
  new URL("early_close_program.ts", import.meta.url),
);
const deno = fileURLToPath(
  new URL("../../node_modules/deno/deno", import.meta.url),
);
let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
}, 30_000);

afterAll(() => redis?.end());

test.each([
  ["Bun", [process.execPath], []],
  ["Bun", [process.execPath], ["0"]],
  ["Deno", [deno, "run", "-A"], []],
  ["Deno", [deno, "run", "-A"], ["0"]],
  ["Deno", [deno, "run", "-A"], ["20"]],
])("closed while it connects, %s ends: %p %p", async (_name, command, ms) => {
  const child = Bun.spawn([...command, program, redis.url, ...ms], {
    stdout: "inherit",
    stderr: "inherit",
  });
  try {
    expect(await within(child.exited, 25_000)).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
}, 30_000);
