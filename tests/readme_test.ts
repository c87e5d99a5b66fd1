import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withReadmeProgram } from "../scripts/readme_program.mjs";

test("the README's program runs: two clients hear what one says", async () => {
  await withReadmeProgram(async (folder: string) => {
    const server = Bun.spawn([process.execPath, "run", "server.ts"], {
      cwd: folder,
      env: { ...process.env, PORT: "0" },
      stdout: "pipe",
      stderr: "inherit",
    });
    try {
      const url = await firstMatch(server.stdout, /http:\/\/localhost:(\d+)/);
      const program = readFileSync(join(folder, "client.ts"), "utf8");
      expect(program).toContain("ws://localhost:3000");
      const here = program.replace("localhost:3000", `localhost:${url[1]}`);
      await Bun.write(join(folder, "here.ts"), here);
      const client = Bun.spawn([process.execPath, "here.ts"], {
        cwd: folder,
        stdout: "pipe",
        stderr: "inherit",
      });
      try {
        await firstMatch(client.stdout, /ada: hello[^]*heard by 1/);
      } finally {
        client.kill();
        await client.exited;
      }
    } finally {
      server.kill();
      await server.exited;
    }
  });
}, 20_000);

/** Reads until the text matches; the test's own time is the bound. */
async function firstMatch(
  stream: ReadableStream<Uint8Array>,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const match = pattern.exec(text);
    if (match) return match;
  }
  throw new Error(`The program ended without ${pattern}, it printed: ${text}`);
}
