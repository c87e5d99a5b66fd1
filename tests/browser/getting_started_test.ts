import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { until } from "../helpers/wait.ts";
import { launchChromium } from "./chromium.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const deno = join(root, "node_modules/deno/deno");
const PATIENCE_MS = 30_000;
// In the repository, where the package is found by its public name.
const folder = mkdtempSync(join(root, "docs-program-"));
let browser: Browser;
let server: ChildProcess | undefined;

beforeAll(async () => {
  const text = readFileSync(join(root, "docs/getting-started.md"), "utf8");
  for (const [, block] of text.matchAll(/```(?:ts ignore|html)\n([^]*?)```/g)) {
    const name = /^(?:\/\/|<!--) (\w+\.\w+)/.exec(block ?? "")?.[1];
    if (name && block) writeFileSync(join(folder, name), block);
  }
  browser = await launchChromium();
}, 90_000);

afterAll(async () => {
  server?.kill("SIGKILL");
  await browser?.close();
  rmSync(folder, { recursive: true });
}, 30_000);

/** Starts the server as the page says, on a port that is free; resolves to where it is. */
async function start(command: string, ...args: string[]): Promise<string> {
  server?.kill("SIGKILL");
  const child = spawn(command, args, { cwd: folder });
  server = child;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => output += data);
  }
  const port = () => /:(\d{4,5})\/?/.exec(output)?.[1];
  await until(port, () => `a port in: ${output}`, PATIENCE_MS);
  return `http://localhost:${port()}`;
}

async function open(url: string, name: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${url}/?name=${name}`);
  await page.waitForFunction(() => document.title === "open");
  return page;
}

/** Two tabs, and each hears the other. */
async function talk(url: string): Promise<void> {
  const [ada, grace] = [await open(url, "ada"), await open(url, "grace")];
  for (const [page, name] of [[ada, "ada"], [grace, "grace"]] as const) {
    await page.locator("input").fill(`I am ${name}`);
    await page.getByRole("button", { name: "Say" }).click();
    const line = `${name}: I am ${name}`;
    await ada.getByText(line).waitFor();
    await grace.getByText(line).waitFor();
  }
  for (const page of [ada, grace]) await page.close();
}

test("the page's bundle is built", () => {
  const { exitCode, stderr } = Bun.spawnSync(
    [process.execPath, "build", "page.ts", "--outfile", "page.js"],
    { cwd: folder },
  );
  if (exitCode !== 0) throw new Error(String(stderr));
  expect(exitCode).toBe(0);
});

test("two tabs talk, served by Bun", async () => {
  const file = join(folder, "server.ts");
  const text = readFileSync(file, "utf8");
  expect(text).toContain("port: 3000");
  writeFileSync(file, text.replace("port: 3000", "port: 0"));
  await talk(await start(process.execPath, "run", "server.ts"));
}, 90_000);

test("two tabs talk, served by Deno", async () => {
  const flags = ["serve", "-A", "--no-check", "--port", "0"];
  await talk(await start(deno, ...flags, "server.ts"));
}, 90_000);
