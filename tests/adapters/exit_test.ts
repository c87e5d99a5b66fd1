import { afterAll, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { createUpstashServer } from "../../src/testing/upstash/mod.ts";
import { RedisServer } from "../redis/redis_server.ts";

const program = fileURLToPath(new URL("./exit_program.ts", import.meta.url));

/** After how long a program that closed its adapter must be over. */
const EXIT_MS = 2_000;

const redis = await RedisServer.start();
const upstash = await createUpstashServer({ redis: redis.url });
afterAll(async () => {
  await upstash.close();
  await redis.end();
});

for (const name of ["memory", "redis", "sharded redis", "upstash"]) {
  test(
    `A8: a program that closes its ${name} adapter ends by itself`,
    async () => {
      expect(await run(name)).toEqual({ output: "closed\n", code: 0 });
    },
    30_000,
  );
}

test("A8: a program that is left with a timer is found", async () => {
  expect(await run("leaking")).toEqual({ output: "closed\n", code: "killed" });
}, 30_000);

async function run(name: string) {
  const child = Bun.spawn([process.execPath, program, name], {
    stdout: "pipe",
    stderr: "inherit",
    env: {
      ...process.env,
      REDIS_URL: redis.url,
      UPSTASH_REDIS_REST_URL: upstash.url,
    },
  });
  let output = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    // Counted from here: how long a start takes depends on the machine.
    if (output.includes("closed")) {
      timer ??= setTimeout(() => child.kill("SIGKILL"), EXIT_MS);
    }
  }
  await child.exited;
  clearTimeout(timer);
  return { output, code: child.signalCode ? "killed" : child.exitCode };
}
