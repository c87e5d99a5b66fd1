/** An adapter whose package is not installed says so, once, with the command that installs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { denoPath } from "../runtimes/places.ts";

const own = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

const program = `
import { createRedisAdapter } from "./adapters/redis.ts";
import { createSocketServer, defineContract } from "./mod.ts";

const errors = [];
const srv = createSocketServer(defineContract({ roles: { user: {} } }), {
  authenticate: () => ({ role: "user" }),
  adapter: createRedisAdapter("redis://127.0.0.1:1"),
  onError: (error) => errors.push(String(error)),
});
const start = Date.now();
while (srv.status().state !== "down" && Date.now() - start < 5000) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
// Long enough for several attempts, had it tried again.
await new Promise((resolve) => setTimeout(resolve, 1500));
await srv.close();
console.log(JSON.stringify(errors.filter((it) => it.includes("install"))));
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "super-line-bare-"));
  for (const part of ["src", "adapters", "mod.ts"]) {
    await cp(join(own, part), join(folder, part), { recursive: true });
  }
  await writeFile(join(folder, "program.ts"), program);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
});

afterAll(() => rm(folder, { recursive: true }));

for (
  const [name, command, install] of [
    ["Bun", [process.execPath, "--no-install", "program.ts"], "bun add redis"],
    [
      "Deno",
      [denoPath, "run", "-A", "--no-check", "program.ts"],
      "deno add npm:redis",
    ],
  ] as const
) {
  test(`${name} names the package and the command, once`, async () => {
    const child = Bun.spawn([...command], { cwd: folder, stderr: "pipe" });
    const output = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    const errors: string[] = JSON.parse(output.trim().split("\n").at(-1) ?? "");
    expect(errors).toEqual([
      `TypeError: Cannot load the package "redis": it is not installed, install it with: ${install}`,
    ]);
  }, 30_000);
}
