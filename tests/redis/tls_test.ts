import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, RedisServer } from "./redis_server.ts";

const program = fileURLToPath(
  new URL("../adapters/exit_program.ts", import.meta.url),
);
const openssl = Bun.which("openssl");

test.skipIf(!openssl)(
  `rediss:// is Redis over TLS${openssl ? "" : " (no openssl to make a key)"}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "redis-tls-"));
    const [key, certificate] = ["key.pem", "cert.pem"].map((it) =>
      join(folder, it)
    ) as [string, string];
    const made = Bun.spawn([
      ...[openssl ?? "", "req", "-x509", "-newkey", "rsa:2048", "-nodes"],
      ...["-keyout", key, "-out", certificate, "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
    ], { stderr: "ignore" });
    expect(await made.exited).toBe(0);
    const port = await freePort();
    const redis = await RedisServer.start(
      ...["--tls-port", `${port}`, "--tls-auth-clients", "no"],
      ...["--tls-cert-file", certificate, "--tls-key-file", key],
      ...["--tls-ca-cert-file", certificate],
    );
    try {
      const child = Bun.spawn([process.execPath, program, "redis"], {
        env: {
          ...process.env,
          REDIS_URL: `rediss://127.0.0.1:${port}`,
          NODE_EXTRA_CA_CERTS: certificate,
        },
        stderr: "inherit",
      });
      expect(await new Response(child.stdout).text()).toBe("closed\n");
      expect(await child.exited).toBe(0);
    } finally {
      await redis.end();
      await rm(folder, { recursive: true, force: true });
    }
  },
  20_000,
);
