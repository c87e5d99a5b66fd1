// A person at the chat's page: what they do and what they see.
import type { Browser, Locator, Page } from "playwright-core";

/** How long a page may take to show something, in milliseconds. */
export const PATIENCE_MS = 20_000;

/** What a window is like. */
export interface Window {
  readonly width: number;
  readonly height: number;
  readonly colorScheme?: "light" | "dark";
}

/** One person in a browser of their own: no storage is shared. */
export class Person {
  readonly name: string;
  readonly page: Page;
  /** What the page wrote to the console as an error, and threw. */
  readonly errors: string[] = [];

  private constructor(name: string, page: Page) {
    this.name = name;
    this.page = page;
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  /** Opens the page and joins. */
  static async join(
    browser: Browser,
    url: string,
    name: string,
    { width, height, colorScheme = "light" }: Window = {
      width: 1120,
      height: 700,
    },
  ): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      locale: "en-GB",
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(name, await context.newPage());
    await person.page.goto(url);
    await person.page.getByLabel("Your name").fill(name);
    await person.page.getByRole("button", { name: "Join the chat" }).click();
    return person;
  }

  get composer(): Locator {
    return this.page.locator("#text");
  }

  get banner(): Locator {
    return this.page.getByRole("status");
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    // Only while the room is joined: after a loss, that takes a moment.
    await this.sees("#composer .primary:not([disabled])");
    await this.composer.press("Enter");
  }

  /** Waits until something of the page is on view, or only there. */
  async sees(
    selector: string,
    hasText?: string | RegExp,
    state: "visible" | "attached" = "visible",
  ): Promise<void> {
    await this.page.locator(selector, hasText ? { hasText } : {}).first()
      .waitFor({ state });
  }

  /** Waits for a message. */
  async hears(from: string, text: string | RegExp): Promise<string> {
    const kind = from === this.name ? ".mine" : ":not(.mine)";
    const bubble = this.page.locator(`.message${kind} .bubble`, {
      hasText: text,
    }).last();
    await bubble.waitFor();
    // The name stands once, above the first message of a group.
    const sender = await bubble.evaluate((element) => {
      let line = element.closest("li");
      while (line && !line.classList.contains("first")) {
        line = line.previousElementSibling as HTMLLIElement | null; // of an <ol>
      }
      return line?.querySelector("b")?.textContent;
    });
    if (sender !== (from === this.name ? "You" : from)) {
      throw new Error(`"${text}" came from ${sender}, not from ${from}`);
    }
    return await bubble.innerText();
  }

  /** Waits until exactly these people are here, the agent aside. */
  async seesPeople(...names: string[]): Promise<void> {
    const count = names.length === 1 ? "1 person" : `${names.length} people`;
    await this.sees(".title p", new RegExp(`^${count}\\b`));
    for (const name of names) await this.sees("#people .name", name);
  }
}
