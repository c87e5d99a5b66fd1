import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "./chat_page.ts";
import {
  type ChatServer,
  failChat,
  killChats,
  startChat,
} from "./chat_server.ts";
import { launchChromium } from "./chromium.ts";

let browser: Browser;
let chat: ChatServer;
let ada: Person;
let grace: Person;

beforeAll(async () => {
  [browser, chat] = await Promise.all([launchChromium(), startChat()]);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  killChats();
}, 30_000);

// One conversation, in the order of these tests.

test("two people join and see who is there", async () => {
  ada = await Person.join(browser, chat.url, "Ada");
  await ada.seesPeople("Ada");
  await ada.sees("#people .tag", "agent");
  grace = await Person.join(browser, chat.url, "  Grace Hopper ");
  await ada.seesPeople("Ada", "Grace Hopper");
  await grace.seesPeople("Ada", "Grace Hopper");
}, 60_000);

test("they talk both ways", async () => {
  await ada.say("Is anybody here?");
  await grace.hears("Ada", "Is anybody here?");
  await ada.hears("Ada", "Is anybody here?");
  await grace.say("I am");
  await ada.hears("Grace Hopper", "I am");
}, 60_000);

test("the agent answers", async () => {
  await ada.say("/roll 2d6");
  const said = await grace.hears("Robo", /rolled/);
  const [, a, b, sum] = said.match(/(\d) \+ (\d) = (\d+)$/) ?? [];
  expect(Number(a) + Number(b)).toBe(Number(sum));
  await grace.say("/time");
  await ada.hears("Robo", /It is \d\d:\d\d:\d\d/);
  await grace.say("/dance");
  await ada.hears("Robo", "I do not know /dance. Try /help.");
}, 60_000);

test("one sees the other typing, until the message comes", async () => {
  await ada.composer.pressSequentially("Hm");
  await grace.sees("#typing", "Ada is typing…");
  await ada.say("Hmm");
  await grace.hears("Ada", "Hmm");
  await grace.sees("#typing:empty");
}, 60_000);

test("markup is text", async () => {
  const markup = `<img src=x onerror="document.title='owned'"><b>bold</b> & ©`;
  await ada.say(markup);
  expect(await grace.hears("Ada", "<b>bold</b>")).toBe(markup);
  expect(await grace.page.locator("#messages img").count()).toBe(0);
  expect(await grace.page.title()).not.toContain("owned");
}, 60_000);

test(
  "a room that one makes is there for the other, and counts unread",
  async () => {
    await ada.page.getByLabel("Create a room").fill("Tea Break!");
    await ada.page.getByLabel("Create a room").press("Enter");
    await ada.seesPeople("Ada");
    await grace.page.getByRole("link", { name: "tea-break" }).click();
    await grace.seesPeople("Ada", "Grace Hopper");
    await ada.page.getByRole("link", { name: "lobby" }).click();
    await grace.say("Kettle is on");
    await ada.sees("#rooms li", /tea-break\s*1/);
    await ada.page.getByRole("link", { name: "tea-break" }).click();
    await ada.hears("Grace Hopper", "Kettle is on");
    await grace.page.getByRole("button", { name: "Leave" }).click();
    await ada.seesPeople("Ada");
    await ada.page.getByRole("button", { name: "Leave" }).click();
    await ada.seesPeople("Ada", "Grace Hopper");
    await ada.hears("Ada", "Is anybody here?");
    await ada.page.getByRole("link", { name: "tea-break" })
      .waitFor({ state: "detached" });
  },
  60_000,
);

test("a name that is taken by the agent is refused, and says why", async () => {
  const robo = await Person.join(browser, chat.url, "robo");
  await robo.sees("#login-error", "Robo is the agent's name");
  await robo.page.context().close();
  await ada.seesPeople("Ada", "Grace Hopper");
}, 60_000);

test("a server that is killed and started again gets both back", async () => {
  await chat.stop("SIGKILL");
  await Promise.all([ada, grace].map(async (person) => {
    await person.banner.filter({ hasText: /Connection lost|Reconnecting/ })
      .waitFor();
  }));
  await ada.composer.fill("Typed while it was away");
  await ada.composer.press("Enter");
  expect(await ada.composer.inputValue()).toBe("Typed while it was away");

  chat = await startChat(chat.port);
  for (const person of [ada, grace]) {
    await person.banner.filter({ hasText: "Back online" }).waitFor();
    // What was said before is still on the page.
    await person.hears("Ada", "Is anybody here?");
  }
  expect(await ada.composer.inputValue()).toBe("Typed while it was away");
  await ada.say("Typed while it was away");
  await grace.hears("Ada", "Typed while it was away");
  await grace.say("Welcome back");
  await ada.hears("Grace Hopper", "Welcome back");
  // Whoever can talk has heard of the new server who is there.
  await ada.seesPeople("Ada", "Grace Hopper");
  await grace.seesPeople("Ada", "Grace Hopper");
  await ada.sees("#people .tag", "agent");
  await ada.say("/roll");
  await grace.hears("Robo", /rolled \d$/);
  await ada.sees("#banner:empty", undefined, "attached");
}, 120_000);

test("a reload stays in, with what was said", async () => {
  await grace.page.reload();
  await grace.hears("Ada", "Typed while it was away");
  await grace.seesPeople("Ada", "Grace Hopper");
}, 60_000);

test("who closes the tab is gone", async () => {
  await grace.page.context().close();
  await ada.seesPeople("Ada");
}, 60_000);

test("it works on a phone, in the dark", async () => {
  const phone = { width: 390, height: 844, colorScheme: "dark" as const };
  const lin = await Person.join(browser, chat.url, "Lin", phone);
  const { page } = lin;
  await lin.hears("Ada", "Typed while it was away");
  await lin.say(`A long word: ${"x".repeat(300)}`);
  await ada.hears("Lin", "A long word");

  const layout = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - innerWidth,
    bottom: document.querySelector("#composer")?.getBoundingClientRect().bottom,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  expect(layout.overflow).toBeLessThanOrEqual(0);
  expect(layout.bottom).toBeLessThanOrEqual(phone.height);
  expect(layout.background).toMatch(/oklch\(0\.[12]/);
  const light = await ada.page.evaluate(() =>
    getComputedStyle(document.body).backgroundColor
  );
  expect(light).toMatch(/oklch\(0\.9/);

  const random = page.getByRole("link", { name: "random" });
  expect(await random.isVisible()).toBe(false);
  await page.getByRole("button", { name: "Rooms and people" }).click();
  await random.click();
  await lin.sees(".title p", /^1 person/);
  await random.waitFor({ state: "hidden" });
  await page.context().close();
}, 60_000);

test("the pages had no error but the link's", () => {
  const errors = ada.errors.filter((it) => !it.includes("WebSocket"));
  expect(errors).toEqual([]);
});

test("a taken port is said in one line", async () => {
  const { code, output } = await failChat(chat.port);
  expect(code).toBe(1);
  expect(output.trim()).toBe(
    `Cannot listen on port ${chat.port}: it is taken, stop what listens there or choose another with PORT=${
      chat.port + 1
    }`,
  );
}, 30_000);

test("SIGTERM ends it with 0", async () => {
  expect(await chat.stop("SIGTERM")).toBe(0);
  await ada.banner.filter({ hasText: "Connection lost" }).waitFor();
}, 30_000);
