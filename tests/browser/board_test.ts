import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { RedisServer } from "../redis/redis_server.ts";
import { launchChromium } from "./chromium.ts";
import { within } from "./within.ts";

const PATIENCE_MS = 20_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
// `SCREENSHOT=1 bun test tests/browser/board_test.ts` makes the README's picture anew.
const temporary = mkdtempSync(join(tmpdir(), "board-"));
const pictures = process.env.SCREENSHOT ? join(root, "docs") : temporary;

let redis: RedisServer;
let browser: Browser;
let nodes: Node[];
let [ada, grace, lin]: Page[] = [];
const errors: string[] = [];

interface Node {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Starts a node of the board; on a free port when none is given. */
async function startNode(port = 0): Promise<Node> {
  const child = spawn(
    process.execPath,
    ["examples/react-board/server.ts"],
    {
      cwd: root,
      env: { ...process.env, PORT: String(port), REDIS_URL: redis.url },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  const listening = new Promise<number>((resolve) =>
    child.stdout.on("data", (data) => {
      output += data;
      const found = output.match(/localhost:(\d+)$/m);
      if (found) resolve(Number(found[1]));
    })
  );
  return { child, port: await within(PATIENCE_MS, "listening", [listening]) };
}

async function stopNode({ child }: Node, signal: NodeJS.Signals) {
  const ended = once(child, "close");
  child.kill(signal);
  await within(PATIENCE_MS, `end by ${signal}`, [ended]);
}

/** Opens the page in a browser of its own, and comes in. */
async function join_(
  name: string,
  node: Node | undefined,
  size = { width: 1120, height: 700 },
  colorScheme: "light" | "dark" = "light",
): Promise<Page> {
  const context = await browser.newContext({ viewport: size, colorScheme });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(`http://localhost:${node?.port}`);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("button", { name: "Add a note" }).waitFor();
  return page;
}

const people = (page: Page | undefined) => page?.locator(".people li");
const notes = (page: Page | undefined) =>
  page?.getByRole("textbox", { name: "Note" });

/** Waits until something on a page holds. */
async function sees(
  page: Page | undefined,
  holds: (
    text: { notes: string[]; people: number; cursors: string[] },
  ) => boolean,
) {
  const look = async () => ({
    notes:
      await page?.locator("textarea").evaluateAll((all) =>
        all.map((it) => (it as HTMLTextAreaElement).value)
      ) ?? [],
    people: await people(page)?.count() ?? 0,
    cursors: await page?.locator(".cursor span").allTextContents() ?? [],
  });
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const now = await look();
    if (holds(now)) return;
    if (Date.now() > end) throw new Error(JSON.stringify(now));
    await page?.waitForTimeout(20);
  }
}

/** Takes a note by its head and puts it down elsewhere. */
async function drag(page: Page, text: string, x: number, y: number) {
  const grip = await gripOf(page, text).boundingBox();
  if (!grip) throw new Error(`No note "${text}"`);
  await page.mouse.move(grip.x + 20, grip.y + 8);
  await page.mouse.down();
  await page.mouse.move(x, y, { steps: 12 });
  await page.mouse.up();
}

/** The head of the note that says something. */
function gripOf(page: Page, text: string) {
  return page.locator(".note").filter({
    has: page.locator("textarea", { hasText: text }),
  }).locator(".grip");
}

beforeAll(async () => {
  [redis, browser] = await Promise.all([
    RedisServer.start(),
    launchChromium(),
  ]);
  nodes = await Promise.all([startNode(), startNode()]);
  [ada, grace, lin] = await Promise.all([
    join_("Ada", nodes[0]),
    join_("Grace", nodes[0]),
    join_("Lin", nodes[1]),
  ]);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  for (const { child } of nodes ?? []) child.kill("SIGKILL");
  await redis?.end();
  rmSync(temporary, { recursive: true });
}, 30_000);

test(
  "three pages on two nodes see the same people, notes and cursors",
  async () => {
    const pages = [ada, grace, lin];
    for (const page of pages) await sees(page, (it) => it.people === 3);
    await write(ada, "Ship the edge edition", 225, 190, 0);
    await write(lin, "Two nodes, one board", 700, 330, 1);
    await write(grace, "Lunch at noon?", 330, 520, 3);
    for (const page of pages) {
      await sees(
        page,
        (it) => it.notes.length === 3 && it.notes.every(Boolean),
      );
    }
    await ada?.mouse.move(520, 300);
    await grace?.mouse.move(560, 590);
    await lin?.mouse.move(930, 520);
    await sees(lin, (it) => it.cursors.sort().join() === "Ada,Grace");
    await sees(ada, (it) => it.cursors.sort().join() === "Grace,Lin");

    // Where Lin put the note, Ada has it too.
    const moved = async () => {
      const places = await Promise.all(
        [ada, lin].map((page) =>
          page?.locator(".note").evaluateAll((all) =>
            all.map((it) => (it as HTMLElement).style.transform).sort().join()
          )
        ),
      );
      return places[0] === places[1];
    };
    const end = Date.now() + PATIENCE_MS;
    while (!await moved()) {
      if (Date.now() > end) throw new Error("The notes lie elsewhere");
      await ada?.waitForTimeout(20);
    }
    const path = join(pictures, "board.png");
    await ada?.screenshot({ path });
    expect(statSync(path).size).toBeLessThan(200_000);
  },
  90_000,
);

/** Adds a note, writes on it and puts it somewhere. */
async function write(
  page: Page | undefined,
  text: string,
  x: number,
  y: number,
  colour: number,
) {
  if (!page) throw new Error("No page");
  await page.getByRole("radio").nth(colour).click();
  const before = await notes(page)?.count() ?? 0;
  await page.getByRole("button", { name: "Add a note" }).click();
  await sees(page, (it) => it.notes.length === before + 1);
  const fresh = page.locator("textarea").nth(before);
  await fresh.fill(text);
  await fresh.blur();
  await drag(page, text, x, y);
}

test(
  "what is written while the connection is lost is kept, and arrives",
  async () => {
    const [, node] = nodes;
    if (!node || !lin) throw new Error("No node");
    await stopNode(node, "SIGKILL");
    await lin.getByRole("status").filter({ hasText: "Reconnecting" }).waitFor();
    await lin.locator("textarea", { hasText: "Two nodes" }).fill("Still here");
    await lin.locator("textarea", { hasText: "Still here" }).blur();
    nodes[1] = await startNode(node.port);
    await sees(ada, (it) => it.notes.includes("Still here") && it.people === 3);
    await sees(lin, (it) => it.notes.length === 3);
  },
  90_000,
);

test("it works on a phone, in the dark", async () => {
  const size = { width: 390, height: 844 };
  const phone = await join_("Sam", nodes[1], size, "dark");
  await sees(phone, (it) => it.notes.length === 3);
  await phone.getByRole("button", { name: "Add a note" }).click();
  await sees(ada, (it) => it.notes.length === 4);
  const overflow = await phone.evaluate(() =>
    document.documentElement.scrollWidth - innerWidth
  );
  expect(overflow).toBeLessThanOrEqual(0);
  await phone.screenshot({ path: join(temporary, "phone.png") });
  if (process.env.SCREENSHOT) {
    await phone.screenshot({ path: join(tmpdir(), "board-phone.png") });
  }
  await phone.getByRole("button", { name: "Remove this note" }).last().click();
  await sees(ada, (it) => it.notes.length === 3);
}, 90_000);

test("the pages had no error but the link's", () => {
  const others = errors.filter((it) =>
    !it.includes("WebSocket") && !it.includes("ERR_CONNECTION")
  );
  expect(others).toEqual([]);
});
