import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../redis/redis_server.ts";

const program = fileURLToPath(
  new URL("../../scripts/upstash.ts", import.meta.url),
);

function start(...args: string[]) {
  return Bun.spawn([process.execPath, program, ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(...args: string[]) {
  const child = start(...args);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

test(
  "bun run upstash serves, says how to reach it, and ends at a signal",
  async () => {
    const port = await freePort();
    const child = start("--port", `${port}`, "--token", "t");
    let out = "";
    let ended = false;
    for await (const chunk of child.stdout) {
      out += new TextDecoder().decode(chunk);
      if (ended || !out.includes("# Redis:")) continue;
      ended = true;
      const response = await fetch(`http://127.0.0.1:${port}/set/a/1`, {
        headers: { authorization: "Bearer t" },
      });
      expect(await response.json()).toEqual({ result: "OK" });
      child.kill("SIGTERM");
    }
    expect(await child.exited).toBe(0);
    expect(out).toStartWith(
      `UPSTASH_REDIS_REST_URL=http://127.0.0.1:${port}\nUPSTASH_REDIS_REST_TOKEN=t\n`,
    );
    expect(out).toEndWith("# 1 requests, 1 commands\n");
  },
  30_000,
);

test("bun run upstash says what is wrong", async () => {
  const port = await freePort();
  const [help, option, number, redis] = await Promise.all([
    run("--help"),
    run("--nonsense"),
    run("--port", "many"),
    run("--redis", `redis://127.0.0.1:${port}`, "--port", "0"),
  ]);
  expect(help.code).toBe(0);
  expect(help.out).toContain("Usage: bun run upstash [options]");
  expect(option).toMatchObject({ code: 1, out: "" });
  expect(option.err).toContain("--nonsense");
  expect(number.err).toContain('--port is "many", must be a number from 0');
  expect(redis.err).toContain(`cannot reach Redis at 127.0.0.1:${port}`);
  const taken = Bun.serve({ port: 0, fetch: () => new Response() });
  const { err } = await run("--port", `${taken.port}`);
  expect(err).toContain(`Port ${taken.port} is taken`);
  await taken.stop();
}, 30_000);
