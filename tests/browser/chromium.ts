// Headless Chromium, driven by Playwright, from the system.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";

const NAMES = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
];

/** Starts a browser with a new profile. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: chromiumPath(),
    timeout: 60_000,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

function chromiumPath(): string {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  const found = NAMES.flatMap((name) =>
    PATH.split(delimiter).map((folder) => join(folder, name))
  ).find((path) => existsSync(path));
  if (found) return found;
  throw new Error(
    "Cannot find Chromium: not on PATH, install it or set CHROMIUM_PATH",
  );
}
