import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { Person } from "./chat_page.ts";
import { type ChatServer, killChats, startChat } from "./chat_server.ts";
import { launchChromium } from "./chromium.ts";

let browser: Browser;
let chat: ChatServer;
const temporary = mkdtempSync(join(tmpdir(), "chat-"));
// `SCREENSHOT=1 bun test tests/browser` makes the picture in the README anew.
const docs = fileURLToPath(new URL("../../docs", import.meta.url));
const folder = process.env.SCREENSHOT ? docs : temporary;

beforeAll(async () => {
  [browser, chat] = await Promise.all([launchChromium(), startChat()]);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  killChats();
  rmSync(temporary, { recursive: true });
}, 30_000);

test("the README's picture", async () => {
  const wide = { width: 1120, height: 740 };
  const ada = await Person.join(browser, chat.url, "Ada", wide);
  const grace = await Person.join(browser, chat.url, "Grace", wide);
  const linus = await Person.join(browser, `${chat.url}/#random`, "Lin", wide);
  await ada.seesPeople("Ada", "Grace");
  await ada.sees("#people .tag", "agent");

  for (
    const [person, text] of [
      [grace, "Morning! Did the release go out last night?"],
      [ada, "It did. Two nodes, no reconnect storm"],
      [ada, "Who writes the announcement?"],
      [grace, "Let us roll for it. Odd means you."],
      [grace, "/roll 2d6"],
      [ada, "/time"],
    ] as const
  ) {
    await person.say(text);
    await ada.hears(person.name, text);
    if (text.startsWith("/")) await ada.hears("Robo", /rolled|It is/);
  }
  await linus.say("hello?");
  await grace.composer.pressSequentially("Oh");
  await ada.sees("#typing", "Grace is typing…");

  for (const page of [ada.page, grace.page]) {
    await page.mouse.move(0, 0);
  }
  const path = join(folder, "chat.png");
  await ada.page.screenshot({ path });
  expect(statSync(path).size).toBeLessThan(200_000);
}, 90_000);
