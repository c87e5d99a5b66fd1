import { afterAll, beforeAll, expect, test } from "bun:test";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { RedisServer } from "../redis/redis_server.ts";
import { type Program, startScaling } from "../scaling/program.ts";
import { launchChromium } from "./chromium.ts";

let browser: Browser;
let redis: RedisServer;
let program: Program;
let url: string;
let ada: Page;
let bob: Page;
const errors: string[] = [];

beforeAll(async () => {
  [browser, redis] = await Promise.all([launchChromium(), RedisServer.start()]);
  program = startScaling(["--serve"], { REDIS_URL: redis.url, PORT: "0" });
  [, url = ""] = await program.prints(/Open (\S+) in two tabs/);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await program?.end();
  await redis?.end();
}, 60_000);

async function open(name: string): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 860, height: 700 },
    colorScheme: "light",
  });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${url}/?name=${name}`);
  await page.getByRole("status").filter({ hasText: /^node [AB]$/ }).waitFor();
  return page;
}

/** Which node a tab says that it is on. */
async function nodeOf(page: Page): Promise<string> {
  return (await page.getByRole("status").innerText()).replace("node ", "");
}

async function isOn(page: Page, node: string) {
  await page.getByRole("status").filter({ hasText: `node ${node}` }).waitFor();
}

async function say(page: Page, way: string, text: string) {
  await page.getByLabel(way, { exact: true }).check();
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Waits for a message, and gives all of its line. */
async function hears(page: Page, text: string): Promise<string> {
  const line = page.getByRole("log").locator("li", { hasText: text });
  await line.waitFor();
  return (await line.innerText()).replace(/\s+/g, " ");
}

// One conversation, in the order of these tests.

test("two tabs are on two nodes, and see which", async () => {
  ada = await open("Ada");
  bob = await open("Bob");
  expect([await nodeOf(ada), await nodeOf(bob)].sort()).toEqual(["A", "B"]);
}, 60_000);

test("they talk through a room and a topic, both ways", async () => {
  await say(ada, "Room", "Hello from here");
  const [a, b] = [await nodeOf(ada), await nodeOf(bob)];
  expect(await hears(bob, "Hello from here"))
    .toBe(`${a} Ada room from node ${a} Hello from here`);
  expect(await hears(ada, "Hello from here"))
    .toBe(`${a} You room from this node Hello from here`);
  await say(bob, "Topic", "News from there");
  expect(await hears(ada, "News from there"))
    .toBe(`${b} Bob topic from node ${b} News from there`);
}, 60_000);

test(
  "a direct message reaches its person on the other node, and nobody else",
  async () => {
    const eve = await open("Eve");
    await bob.getByLabel("One person", { exact: true }).check();
    await bob.getByLabel("Whom").selectOption("Ada");
    await say(bob, "One person", "Just for you");
    expect(await hears(ada, "Just for you")).toContain("Bob direct");
    await say(bob, "Room", "For all of you");
    await hears(eve, "For all of you");
    expect(await eve.getByRole("log").innerText()).not.toContain(
      "Just for you",
    );
    await eve.close();
  },
  60_000,
);

test(
  "a server event reaches the tabs of the other node, not those of the sender's",
  async () => {
    const more = [await open("Eve"), await open("Mallory")];
    const here = await nodeOf(ada);
    await say(ada, "Other nodes", "Wake up over there");
    await say(ada, "Room", "That was it");
    for (const page of [bob, ...more]) {
      await hears(page, "That was it");
      const log = await page.getByRole("log").innerText();
      expect(log.includes("Wake up over there"))
        .toBe(await nodeOf(page) !== here);
      if (page !== bob) await page.close();
    }
  },
  60_000,
);

test("the documentation's picture", async () => {
  const docs = fileURLToPath(new URL("../../docs", import.meta.url));
  const picture = await ada.screenshot({
    // `SCREENSHOT=1` makes it anew.
    ...(process.env.SCREENSHOT && { path: `${docs}/scaling.png` }),
  });
  expect(picture.length).toBeLessThan(200_000);
}, 60_000);

test("markup is text", async () => {
  await say(bob, "Room", "<img src=x onerror=\"document.title='owned'\">");
  await hears(ada, "<img src=x");
  expect(await ada.getByRole("log").locator("img").count()).toBe(0);
}, 60_000);

test("who moves is on the other node, and heard as before", async () => {
  const before = await nodeOf(ada);
  await ada.getByRole("button", { name: "move to another node" }).click();
  const after = before === "A" ? "B" : "A";
  await isOn(ada, after);
  await say(bob, "Room", "Still there?");
  await hears(ada, "Still there?");
}, 60_000);

test("it works on a phone, in the dark", async () => {
  const phone = await open("Lin");
  await phone.setViewportSize({ width: 390, height: 700 });
  await phone.emulateMedia({ colorScheme: "dark" });
  await say(ada, "Room", `A long word: ${"x".repeat(300)}`);
  await hears(phone, "A long word");
  const { over, bottom, background } = await phone.evaluate(() => ({
    over: document.documentElement.scrollWidth - innerWidth,
    bottom: document.querySelector("#composer")?.getBoundingClientRect().bottom,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  expect(over).toBeLessThanOrEqual(0);
  expect(bottom).toBeLessThanOrEqual(700);
  expect(background).toContain("0.19");
  await phone.close();
}, 60_000);

test("a node that ends sends its tabs to the other one", async () => {
  const pid = Number(/node A +process (\d+)/.exec(program.output())?.[1]);
  process.kill(pid, "SIGTERM");
  await isOn(ada, "B");
  await isOn(bob, "B");
  await say(bob, "Room", "All of us here now");
  await hears(ada, "All of us here now");
  expect(errors).toEqual([]);
}, 60_000);

test("SIGTERM ends it, with 0", async () => {
  expect(await program.end()).toBe(0);
  await ada.getByRole("status").filter({ hasText: "no node" }).waitFor();
}, 60_000);
