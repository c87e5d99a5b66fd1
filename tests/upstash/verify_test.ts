import { afterAll, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { LocalUpstash } from "./local_upstash.ts";

const program = fileURLToPath(
  new URL("../../scripts/upstash_verify.ts", import.meta.url),
);
const local = await LocalUpstash.start();
afterAll(() => local.end());

async function run(args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, program, ...args], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

test(
  "bun run upstash:verify asks all eight points, and leaves nothing behind",
  async () => {
    const { url, token, readOnlyToken } = local.server;
    const { out, err, code } = await run(
      ["--wait", "0.2", "--read-only-token", readOnlyToken],
      { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
    );
    expect([err, code]).toEqual(["", 0]);
    for (let point = 1; point <= 8; point++) {
      expect(out).toMatch(new RegExp(`^[✓·] ${point} `, "m"));
    }
    expect(out).not.toContain("✗");
    expect(out).toContain(
      "all that could be checked is as docs/upstash.md says",
    );
    expect(await local.redis.command("DBSIZE")).toBe(":0\r\n");
  },
  60_000,
);

test("a database that does not answer, and none at all, are told", async () => {
  const { url } = local.server;
  const wrong = await run(["--url", url, "--token", "wrong"]);
  expect([wrong.code, wrong.out]).toEqual([
    1,
    expect.stringContaining("✗ 0 the database answers"),
  ]);
  const none = await run([], {
    UPSTASH_REDIS_REST_URL: "",
    UPSTASH_REDIS_REST_TOKEN: "",
  });
  expect([none.code, none.err]).toEqual([
    1,
    expect.stringContaining("needs the URL and the token"),
  ]);
}, 30_000);
