/** A page whose network blocks WebSockets: the page falls back to HTTP, and uses it at once on the next visit. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { serve } from "../helpers/serve.ts";
import { type Faults, type Proxy, startProxy } from "../http/proxy.ts";
import { launchChromium } from "./chromium.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { echo: { input: z.string(), output: z.string() } },
    },
  },
});
const srv = createSocketServer(api, {
  authenticate: () => ({ role: "user" }),
  origins: "*", // the proxy's port is another than the page's host header says
});
srv.implement({ user: { echo: (text) => text } });

let browser: Browser;
let script: string;
const running = serve({
  websocket: srv.websocket,
  fetch: (request, server) =>
    new URL(request.url).pathname === "/page"
      ? new Response(
        `<!doctype html><script type="module">${script}</script>`,
        { headers: { "content-type": "text/html" } },
      )
      : srv.fetch(request, server),
}, srv);

beforeAll(async () => {
  const { outputs: [output] } = await Bun.build({
    entrypoints: [new URL("blocked_page.ts", import.meta.url).pathname],
    target: "browser",
    minify: true,
  });
  script = await output?.text() ?? "";
  browser = await launchChromium();
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await running[Symbol.asyncDispose]();
}, 30_000);

/** What the page shows once its first call was answered. */
async function visit(
  tab: Page,
  proxy: Proxy,
): Promise<{ transport: string; ms: number }> {
  await tab.goto(`${proxy.url}/page`);
  await tab.waitForFunction(() => document.title !== "", undefined, {
    timeout: 15_000,
  });
  return JSON.parse(await tab.title());
}

const obstacles: Record<string, Faults> = {
  "refuses upgrades": { upgrade: "refuse" },
  "strips upgrades": { upgrade: "strip" },
  "swallows upgrades": { upgrade: "swallow" },
  "refuses upgrades and holds responses until they end": { hold: true },
  "refuses upgrades and cuts idle responses after 10 s": { cutIdleMs: 10_000 },
  "refuses upgrades and cuts every response after 3 s": { cutAfterMs: 3_000 },
};

for (const [name, faults] of Object.entries(obstacles)) {
  test(`a proxy that ${name}`, async () => {
    await using proxy = startProxy(
      [running.url.replace("ws", "http").slice(0, -1)],
      faults,
    );
    const context = await browser.newContext();
    const tab = await context.newPage();
    const first = await visit(tab, proxy);
    expect(first.transport).toBe("http");
    // Waiting for a WebSocket takes 1 s, finding out that responses are held 2 s.
    expect(first.ms).toBeLessThan(6_000);
    const upgrades = proxy.happened.upgrades;
    expect(upgrades).toBeGreaterThan(0);

    // Calls go on while the proxy cuts.
    if (faults.cutAfterMs) {
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      expect(proxy.happened.cut).toBeGreaterThan(0);
    }
    const echo = await tab.evaluate(() =>
      (globalThis as unknown as { echo(text: string): Promise<string> })
        .echo("again")
    );
    expect(echo).toBe("again");

    const second = await visit(tab, proxy);
    expect(second.transport).toBe("http");
    expect(second.ms).toBeLessThan(1_900); // neither was waited for again
    expect(proxy.happened.upgrades).toBe(upgrades); // remembered: no WebSocket was tried
    await context.close();
  }, 60_000);
}
